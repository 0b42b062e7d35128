-- room
select
    (select id from attempt where node = :node and item = :item and state = 'running'),
    (select coalesce(sum(slots), 0) from attempt where pool = :pool and pool <> '' and state = 'running'),
    (select max(id) from (select max(id) as id from attempt union all select value from meta where name = 'attempt') n),
    (select state from run where id = :run),
    (select owner from run where id = :run),
    (select state from node where run = :run and node = :node and item = :item);

-- enter attempt
insert into attempt (
    id, run, node, item, number, state, owner, started, pool, slots, finished, mishap, message, rows, seconds, log,
    process
) values (
    :id, :run, :node, :item, :number, 'running', :owner, :started, :pool, :slots, null, null, '', null, 0, '', ''
);

-- start node
insert into node (
    run, node, item, kind, state, since, until, tries, facts, waited, action, detail, rows, seconds
) values (
    :run, :node, :item, '', 'running', :since, null, '{}', '{}', '{}', '', '', null, 0
)
on conflict (run, node, item) do update set state = 'running', since = excluded.since, until = null;

-- attempt
select id, run, node, number, state, owner, started, item, pool, slots, finished, mishap, message, rows, seconds, log,
    process
from attempt
where id = :id;

-- end attempt
update attempt
set state = :state, finished = :finished, mishap = :mishap, message = :message, rows = :rows, seconds = :seconds
where id = :id and state = :was;

-- put node
insert into node (
    run, node, item, kind, state, since, until, tries, facts, waited, action, detail, rows, seconds
) values (
    :run, :node, :item, :kind, :state, :since, :until, :tries, :facts, :waited, :action, :detail, :rows, :seconds
)
on conflict (run, node, item) do update set
    kind = excluded.kind, state = excluded.state, since = excluded.since, until = excluded.until,
    tries = excluded.tries, facts = excluded.facts, waited = excluded.waited, action = excluded.action,
    detail = excluded.detail, rows = excluded.rows, seconds = excluded.seconds
where :legal like '%,' || node.state || '>' || excluded.state || ',%';

-- nodes
select run, node, state, since, item, kind, until, tries, facts, waited, action, detail, rows, seconds
from node
where run = :run
order by node, item;

-- attempts
select id, run, node, number, state, owner, started, item, pool, slots, finished, mishap, message, rows, seconds, log,
    process
from attempt
order by id desc
limit :limit;

-- attempts in run
select id, run, node, number, state, owner, started, item, pool, slots, finished, mishap, message, rows, seconds, log,
    process
from attempt
where run = :run and (:node = '' or node = :node)
order by id desc
limit :limit;

-- attempts at node
select id, run, node, number, state, owner, started, item, pool, slots, finished, mishap, message, rows, seconds, log,
    process
from attempt
where node = :node
order by id desc
limit :limit;

-- live attempts
select id, run, node, number, state, owner, started, item, pool, slots, finished, mishap, message, rows, seconds, log,
    process
from attempt
where state = 'running'
    -- The sum keeps SQLite from going through all attempts that there ever were by their numbers.
order by id + 0;

-- note process
update attempt set process = :process where id = :id;

-- note log
update attempt set log = :log where id = :id;

-- last seconds
select attempt.node, attempt.seconds
from attempt
join (select max(id) as id
    from attempt
    -- Numbers of attempts are microseconds: only the last two weeks count.
    where state = 'done' and id > (select max(id) from attempt) - 1209600000000
    group by node
) last on last.id = attempt.id;

-- last states
select node, state
from (
    select node.node, node.state, row_number() over (partition by node.node order by node.since desc, node.run desc) as n
    from node
    join run on run.id = node.run
    where node.item = -1
        and node.state not in ('waiting', 'running')
        and run.state in ('done', 'failed', 'cancelled', 'skipped')
        and (:every_kind = 1 or :kinds like '%,' || node.kind || ',%')
) newest
where n = 1;

-- last facts
select facts
from node
where node = :node and item = -1 and state = 'done' and run <> :run
order by since desc
limit 1;

-- last well
select since
from node
where node = :node and item = -1 and state in ('done', 'unchanged')
order by since desc
limit 1;

-- counts
select state, count(*) from attempt group by state;

-- tell again
update run set told = 2 where id = :run and told = 1;

-- mark
update node
set state = :state, since = :since, until = null
where run = :run and node = :node and item = -1
    and state in ('failed', 'blocked', 'skipped', 'cancelled') and state <> :state;
