-- post
insert into message (id, rule, subject, episode, title, text, created, tries, due, sent, problem, over)
values (
    (
        select case when :at > last then :at else last + 1 end
        from (select coalesce(max(id), 0) as last from message) newest
    ),
    :rule, :subject, :episode, :title, :text, :at, 0, :at, null, '', case when :rule = 'recovered' then 1 else 0 end
)
on conflict (rule, subject, episode) do nothing;

-- close
update message set over = 1 where over = 0 and subject = :subject and episode = :episode;

-- one that recovered
select id, rule, subject, episode, title, text, created, tries, due, sent, problem
from message
where subject = :subject and episode = :episode and rule <> 'recovered'
order by id
limit 1;

-- delivered
select channel from delivery where message = :id;

-- deliver
insert into delivery (message, channel, at) values (:id, :channel, :at) on conflict do nothing;

-- due
select id, rule, subject, episode, title, text, created, tries, due, sent, problem
from message
where sent is null and due <= :at
order by due, id
limit :limit;

-- sent
update message set sent = :at, problem = '' where id = :id and sent is null;

-- put off
update message set due = :until, problem = :problem, tries = tries + 1 where id = :id and sent is null and due < :until;

-- open episode
select message.episode, exists (
    select 1 from message after
    where after.rule = 'recovered' and after.subject = message.subject and after.episode = message.episode
)
from message
where message.rule = :rule and message.subject = :subject
order by message.id desc
limit 1;

-- stuck
select count(*) from message where sent is null and tries > 0;
