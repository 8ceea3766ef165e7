{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ part_with_changed_users() }}",
) }}
-- Users are cleaned up when their row has changed and not before, since that is most of the work of matching.
select
    p.person_no,
    {{ mark_of_user() }} as mark,
    {{ clean_id('u.external_id') }} as external_id,
    {{ clean_email('u.email') }} as email,
    {{ clean_phone('u.msisdn') }} as msisdn,
    {{ attributes_of_user() }} as others,
    true as is_new,
    false as is_gone
from {{ ref('stg_users') }} as u
join {{ ref('people') }} as p on p.source = '' and u.user_id = p.id
cross join {{ asked_attributes() }} as a
{%- if is_incremental() %}
    where
        p.person_no in (
            select n.person_no from users_now as n
            anti join {{ this }} as e on n.person_no = e.person_no and not e.is_gone
        )
{%- endif %}
