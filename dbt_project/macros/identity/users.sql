{#- What users can be found by is kept from run to run. A user whose row has changed stands in `user_ids` twice until the
    next run, as now (`is_new`) and as before (`is_gone`): so matches can tell which values somebody has got or lost. -#}

{#- Attributes that some strategy looks at, as one list. -#}
{% macro asked_attributes() -%}
    (
        select coalesce(list(way order by way.strategy), []) as ways
        from (
            select distinct struct_pack(strategy := strategy, key := key, path := path) as way
            from {{ source('raw', 'match_strategies') }}
            where key is not null
        )
    )
{%- endmacro %}

{#- Differs as soon as a user may be found by other values, for a user `u` and asked attributes `a`. -#}
{% macro mark_of_user() -%}
    hash('{{ local_md5(form_of_ids()) }}', a.ways, u.external_id, u.email, u.msisdn, u.attributes)
{%- endmacro %}

{#- What the attributes hold by which a user is found, for a user `u` and asked attributes `a`. -#}
{% macro attributes_of_user() -%}
    list_transform(a.ways, lambda way: struct_pack(
        strategy := way.strategy,
        value := {{ clean_id('coalesce(json_extract_string(u.attributes, way.key), json_extract_string(u.attributes, way.path))') }}
    ))
{%- endmacro %}

{% macro part_with_changed_users() -%}
    {% if is_incremental() %}
        create or replace temp table users_now as
        select p.person_no, {{ mark_of_user() }} as mark
        from {{ ref('stg_users') }} as u
        join {{ ref('people') }} as p on p.source = '' and u.user_id = p.id
        cross join {{ asked_attributes() }} as a;

        delete from {{ this }} where is_gone;
        update {{ this }} set is_new = false where is_new;
        update {{ this }} set is_gone = true where person_no in (
            select e.person_no from {{ this }} as e
            left join users_now as n on e.person_no = n.person_no
            where n.mark is distinct from e.mark
        )
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}

{#- What users can be found by, of those rows of `user_ids` for which the condition holds: strategy, value, person_no. -#}
{% macro keys_of(condition) -%}
    (
        {%- for strategy in ('external_id', 'email', 'msisdn') %}
        select '{{ strategy }}' as strategy, {{ strategy }} as value, person_no
        from {{ ref('user_ids') }}
        where {{ condition }} and {{ strategy }} is not null
        union all
        {%- endfor %}
        select other.strategy, other.value, person_no
        from (select unnest(others) as other, person_no from {{ ref('user_ids') }} where {{ condition }})
        where other.value is not null
    )
{%- endmacro %}
