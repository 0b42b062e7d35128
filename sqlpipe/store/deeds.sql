-- note
insert into deed (at, who, what, subject, detail)
values (:at, :who, :what, :subject, :detail)
on conflict (at, who, what, subject) do nothing;

-- deeds
select at, who, what, subject, detail from deed order by at desc, who, what, subject limit :limit;
