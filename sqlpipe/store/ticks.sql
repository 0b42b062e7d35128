-- pipelines
select name, digest, seen, paused_at, paused_by, seq from pipeline where gone_at is null order by name;

-- one pipeline
select digest, seq from pipeline where name = :name;

-- meet
insert into pipeline (name, digest, seen, paused_at, paused_by, seq, gone_at)
values (:name, :digest, :now, null, '', (select value from meta where name = 'seq'), null)
on conflict (name) do update set
    digest = excluded.digest,
    seen = case when pipeline.seen > excluded.seen then pipeline.seen else excluded.seen end,
    seq = excluded.seq,
    gone_at = null;

-- rewind
update pipeline set seen = :now where name = :name and seen > :ahead;

-- part
update pipeline set gone_at = :now where name = :name and gone_at is null;

-- advance
update pipeline
set seen = case when seen > :seen then seen else :seen end, seq = case when seq > :seq then seq else :seq end
where name = :name;

-- pause
update pipeline set paused_at = :at, paused_by = :who where name = :name and paused_at is null;

-- resume
update pipeline set paused_at = null, paused_by = :who where name = :name and paused_at <= :at;

-- supersede
update tick set state = 'superseded', reason = :reason where pipeline = :pipeline and state = 'open';

-- enter tick
insert into tick (pipeline, at, start_at, end_at, digest, state, reason, run)
values (:pipeline, :at, :start_at, :end_at, :digest, 'open', '', '')
on conflict (pipeline, at) do nothing;

-- settle
update tick set state = :state, reason = :reason where pipeline = :pipeline and at = :at and state = 'open';

-- take
update tick set state = 'taken', run = :run where pipeline = :pipeline and at = :at and state = 'open';

-- open
select at, start_at, end_at from tick where pipeline = :pipeline and state = 'open' order by at;

-- left
select at, start_at, end_at from tick where pipeline = :pipeline and state = 'open' and run <> '' order by at;

-- left runs
select distinct run from tick where pipeline = :pipeline and state = 'open' and run <> '' order by run;

-- cover
update tick set state = 'covered', run = :by where run = :run and run <> '' and state = 'open';

-- ticks
select pipeline, at, start_at, end_at, state, reason, run
from tick
where :pipeline = '' or pipeline = :pipeline
order by at desc, pipeline
limit :limit;

-- counts
select state, count(*) from tick group by state;

-- introduce
insert into pipeline (name, digest, seen, paused_at, paused_by, seq, gone_at)
values (:name, '', :now, null, '', (select value from meta where name = 'seq'), null)
on conflict (name) do update set digest = '', gone_at = null where pipeline.gone_at is not null;

-- retake
update tick set state = 'taken', run = :by where run = :run and run <> '' and state = 'open';

-- of run
select pipeline, at, start_at, end_at, state, reason, run from tick where run = :run and run <> '' order by at;
