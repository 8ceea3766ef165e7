-- Platforms on which a user has a device in use.
select
    p.person_no,
    bool_or(d.platform = 'ios') as is_ios,
    bool_or(d.platform = 'android') as is_android,
    bool_or(d.platform = 'web') as is_web
from {{ ref('stg_devices') }} as d
join {{ ref('people') }} as p on p.source = '' and d.user_id = p.id
where coalesce(d.registered, true) and coalesce(d.installed, true)
group by p.person_no
