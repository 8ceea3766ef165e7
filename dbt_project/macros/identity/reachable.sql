{#- People whom a push reaches: one device in use has it all, and nobody has blacklisted them. The same as the leaf
    `reachable: push`. -#}
{% macro reachable_by_push() -%}
    (
        select distinct p.person_no
        from {{ ref('stg_devices') }} as d
        join {{ ref('people') }} as p on p.source = '' and d.user_id = p.id
        where
            coalesce(d.registered, true) and coalesce(d.installed, true)
            and coalesce(d.platform, '') <> 'web' and d.has_token and d.push_permission
            and d.user_id not in (
                select user_id from {{ ref('stg_blacklist') }}
                where channel = 'push' and listed and user_id is not null
            )
    )
{%- endmacro %}
