-- create run
insert into run (
    id, state, created, changed, pipeline, cause, selects, excludes, options, start_at, end_at, deadline, parent,
    owner, started, finished, counts, reason
) values (
    :id, :state, :created, 0, :pipeline, :cause, :selects, :excludes, :options, :start_at, :end_at, :deadline,
    :parent, :owner, :started, :finished, :counts, :reason
)
on conflict (id) do nothing;

-- standing
select state, changed, owner, reason from run where id = :id;

-- step
update run
set state = :state, changed = :changed, owner = :owner, reason = :reason, counts = coalesce(:counts, counts),
    started = coalesce(started, :started), finished = :finished
where id = :id and state = :was;

-- cover ticks
update tick set state = 'covered' where run = :run and run <> '' and state = 'taken';

-- skip ticks
update tick set state = 'skipped', reason = :reason where run = :run and run <> '' and state = 'taken';

-- reopen ticks
update tick
set state = 'open'
where run = :run and run <> '' and state = 'taken'
    and exists (select 1 from pipeline p where p.name = tick.pipeline and p.digest = tick.digest and p.gone_at is null);

-- retire ticks
update tick
set state = 'superseded', reason = case
    when exists (select 1 from pipeline p where p.name = tick.pipeline and p.gone_at is null)
    then 'the schedule was edited'
    else 'the pipeline was removed'
end
where run = :run and run <> '' and state = 'taken';

-- one
select
    id, state, created, pipeline, cause, selects, excludes, options, start_at, end_at, deadline, parent, owner,
    started, finished, counts, reason
from run
where id = :id;

-- beginning with
select id from run where substr(id, 1, :length) = :prefix order by id;

-- some
select
    id, state, created, pipeline, cause, selects, excludes, options, start_at, end_at, deadline, parent, owner,
    started, finished, counts, reason
from run
where (:every_pipeline = 1 or pipeline = :pipeline)
    and (:every_state = 1 or :states like '%,' || state || ',%')
    and (:before = '' or (created, id) < (select created, id from run where id = :before))
order by created desc, id desc
limit :limit;

-- waiting
    -- SQLite takes an index on some of the rows only where its condition is repeated word for word.
select
    id, state, created, pipeline, cause, selects, excludes, options, start_at, end_at, deadline, parent, owner,
    started, finished, counts, reason
from run
where state = 'queued' and state in ('queued', 'running', 'cancelling')
order by created, id;

-- live
select
    id, state, created, pipeline, cause, selects, excludes, options, start_at, end_at, deadline, parent, owner,
    started, finished, counts, reason
from run
where state in ('running', 'cancelling') and state in ('queued', 'running', 'cancelling')
order by created, id;

-- active of pipeline
select count(*)
from run
    -- Few of its runs have not ended, and many have, so that the index by pipeline is not the one to take.
where pipeline || '' = :pipeline
    and state in ('running', 'cancelling') and state in ('queued', 'running', 'cancelling');

-- queued of pipeline
select id
from run
where pipeline || '' = :pipeline and state = 'queued' and state in ('queued', 'running', 'cancelling')
order by created, id;

-- reach
select start_at, end_at from run where id = :id and state = 'queued';

-- widen
update run set start_at = :start_at, end_at = :end_at where id = :id and state = 'queued';

-- ending with
select id from run where substr(id, length(id) - :length + 1) = :ending and length(id) >= :length order by id;

-- children
select
    id, state, created, pipeline, cause, selects, excludes, options, start_at, end_at, deadline, parent, owner,
    started, finished, counts, reason
from run
where parent = :parent and parent <> ''
order by created, id;
