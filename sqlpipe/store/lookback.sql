-- cells
select run, node, state, rows, seconds, detail
from node
where run in (:runs) and node in (:nodes) and item = -1;

-- latest
select run, node, state, since, item, kind, until, tries, facts, waited, action, detail, rows, seconds
from node
where item = -1
    and (node, since) in (
        select node, max(since) from node where item = -1 and node in (:nodes) group by node
    );

-- failed in
select distinct node
from node
where run in (:runs) and state = 'failed' and item = -1;

-- past of
select run, node, state, since, item, kind, until, tries, facts, waited, action, detail, rows, seconds
from node
where node = :node and item = -1
order by since desc, run desc
limit :limit;

-- messages
select run, node, message
from attempt
where id in (select max(id) from attempt where message <> '' and run in (:runs) and node in (:nodes) group by run, node);
