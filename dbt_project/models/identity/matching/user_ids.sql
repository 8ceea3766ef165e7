{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ part_with_changed_users() }}",
) }}
-- Users are cleaned up when their row has changed and not before, since that is most of the work of matching.
with users as (
    select
        {{ mark_of_user() }} as mark,
        p.person_no,
        u.external_id,
        u.email,
        u.msisdn,
        u.attributes,
        a.ways
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
)

select
    person_no,
    mark,
    {{ clean_id('external_id') }} as external_id,
    {{ clean_email('email') }} as email,
    {{ clean_phone('msisdn') }} as msisdn,
    list_transform(
        ways,
        lambda way: struct_pack(
            strategy := way.strategy,
            value := {{ clean_id('coalesce(json_extract_string(attributes, way.key), json_extract_string(attributes, way.path))') }}
        )
    ) as others,
    true as is_new,
    false as is_gone
from users
