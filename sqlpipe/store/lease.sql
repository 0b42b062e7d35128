-- current
select holder, epoch, expires, host, pid from lease where name = 'scheduler';

-- take
insert into lease (name, holder, epoch, expires, host, pid, ousted, ousted_at)
values ('scheduler', :holder, :epoch, :expires, :host, :pid, '', null)
on conflict (name) do update set
    holder = excluded.holder, epoch = excluded.epoch, expires = excluded.expires, host = excluded.host,
    pid = excluded.pid,
    -- From whom it was taken, unless it had been given back.
    ousted = case
        when lease.epoch = excluded.epoch then lease.ousted
        when lease.holder = '' then ''
        else lease.host || ', process ' || lease.pid
    end,
    ousted_at = case when lease.epoch = excluded.epoch then lease.ousted_at else lease.expires end;

-- renew
update lease set expires = :expires where name = 'scheduler' and holder = :holder and epoch = :epoch;

-- release
update lease set holder = '', expires = 0 where name = 'scheduler' and holder = :holder and epoch = :epoch;
