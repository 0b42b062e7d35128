-- note
insert into happening (kind, subject, version, at, facts, seq)
values (:kind, :subject, :version, :at, :facts, null)
on conflict do nothing;

-- unnumbered
select count(*) from happening where seq is null;

-- last seq
select value from meta where name = 'seq';

-- number
update happening
set seq = :last + fresh.place
from (
    select kind, subject, version, at, row_number() over (order by at, kind, subject, version) as place
    from happening
    where seq is null
) fresh
where happening.seq is null
    and happening.kind = fresh.kind
    and happening.subject = fresh.subject
    and happening.version = fresh.version
    and happening.at = fresh.at;

-- remember seq
update meta set value = :seq where name = 'seq';

-- since
select seq, kind, subject, at, version, facts from happening where seq > :seq order by seq limit :limit;

-- latest
select seq, kind, subject, at, version, facts
from happening
where subject = :subject and seq is not null
order by seq desc
limit 1;
