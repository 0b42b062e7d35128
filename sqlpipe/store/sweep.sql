-- old runs
select id
from run
where state in ('done', 'failed', 'cancelled', 'skipped') and finished < :before
    and not exists (select 1 from attempt where attempt.run = run.id and attempt.state = 'running')
order by created, id
limit :limit;

-- keep attempt number
update meta
set value = (select max(id) from attempt)
where name = 'attempt' and value < (select max(id) from attempt);

-- logs
select log from attempt where run = :run and log <> '' order by id;

-- drop attempts
delete from attempt where run = :run;

-- drop nodes
delete from node where run = :run;

-- drop run
delete from run where id = :run;

-- drop ticks
delete from tick
where at < :before and state in ('covered', 'superseded', 'skipped', 'expired')
    and not exists (select 1 from run where run.id = tick.run);

-- drop messages
delete from message
where sent < :before
    and (
        rule = 'recovered'
        or exists (
            select 1 from message after
            where after.subject = message.subject and after.id > message.id
                and (after.rule = message.rule or (after.rule = 'recovered' and after.episode = message.episode))
        )
    );

-- drop deliveries
delete from delivery where not exists (select 1 from message where message.id = delivery.message);

-- drop happenings
delete from happening
where at < :before
    and seq <= coalesce((select min(seq) from pipeline where gone_at is null), seq)
    and exists (
        select 1 from happening after where after.subject = happening.subject and after.seq > happening.seq
    );
