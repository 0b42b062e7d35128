-- register
insert into owner (id, host, pid, born, seen, command)
values (:id, :host, :pid, :born, :seen, :command)
on conflict (id) do update set
    host = excluded.host, pid = excluded.pid, born = excluded.born, seen = excluded.seen, command = excluded.command;

-- beat
update owner set seen = :seen where id = :id and seen < :seen;

-- owners
select id, host, pid, born, seen, command from owner order by seen desc, id;

-- retire
delete from owner where id = :id;
