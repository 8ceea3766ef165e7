-- Platforms on which a user has a device in use.
select
    person_no,
    bool_or(platform = 'ios') as is_ios,
    bool_or(platform = 'android') as is_android,
    bool_or(platform = 'web') as is_web
from {{ ref('devices_in_use') }}
group by person_no
