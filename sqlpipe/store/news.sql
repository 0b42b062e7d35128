-- failures
select node.node, node.run, run.pipeline, node.kind, node.since, node.detail, coalesce((
    select message from attempt where attempt.run = node.run and attempt.node = node.node and message <> ''
    order by id desc
    limit 1
), '')
from run
cross join node
where run.told <> 1
    and node.run = run.id
    and (run.finished is null or run.finished >= :since)
    and node.state = 'failed'
    and node.item = -1
    and not exists (
        select 1 from message m
        where m.rule in ('node_failed', 'check_failed') and m.subject = node.node and m.over = 0
    )
    -- What is older than the end of an episode belongs to it.
    and not exists (
        select 1 from message m
        where m.rule = 'recovered' and m.subject = node.node and m.created >= node.since
            and exists (
                select 1 from message b
                where b.rule in ('node_failed', 'check_failed') and b.subject = m.subject and b.episode = m.episode
            )
    )
order by node.since, node.run, node.node;

-- mended
select message.rule, message.subject, message.episode, message.created, message.title, node.run, node.since
from run
cross join message
cross join node
where node.run = run.id
    and node.node = message.subject
    and message.rule in ('node_failed', 'check_failed')
    and message.over = 0
    and run.told <> 1
    and node.item = -1
    and node.state in ('done', 'unchanged')
    and node.since > message.created
order by node.since, node.run, node.node;

-- well after
select run, since
from node
where node = :node and item = -1 and state in ('done', 'unchanged') and since > :at
order by since
limit 1;

-- last well
select run, since
from node
where node = :node and item = -1 and state in ('done', 'unchanged')
order by since desc
limit 1;

-- outcomes
select id, pipeline, state, finished, reason, exists (
    select 1 from node where node.run = run.id and node.state = 'failed' and node.item = -1
)
from run
where told <> 1 and told = 0 and finished >= :since and state in ('done', 'failed')
order by finished, id;

-- late
select id, pipeline, state, deadline, finished
from run
where told <> 1 and told = 0
    and deadline < coalesce(finished, :now)
    and (finished is null or (finished >= :since and state in ('done', 'failed')))
    and not exists (
        select 1 from message
        where rule = 'deadline_missed' and episode = run.id
            and subject = case when run.pipeline = '' then run.id else run.pipeline end
    )
order by deadline, id;

-- missed
select pipeline, state, at, start_at, end_at, reason
from tick
where told = 0 and state in ('skipped', 'expired') and reason <> 'paused'
order by pipeline, state, at;

-- open
select rule, subject, episode, created, title
from message
where rule = :rule and over = 0
order by id;

-- ousted
select epoch, ousted, ousted_at, host, pid
from lease
where name = 'scheduler' and ousted <> ''
    and not exists (
        select 1 from message
        where rule = 'lease_lost' and subject = 'scheduler' and episode = cast(lease.epoch as text)
    );

-- stuck
select id, title, created, problem
from message
where sent is null and tries >= :tries and subject <> 'outbox'
order by created, id;

-- untold
select exists (select 1 from run where told <> 1 and finished is not null)
    or exists (select 1 from tick where told = 0 and state in ('skipped', 'expired'));

-- runs are told
update run set told = 1 where told <> 1 and finished is not null;

-- ticks are told
update tick set told = 1 where told = 0 and state in ('skipped', 'expired');
