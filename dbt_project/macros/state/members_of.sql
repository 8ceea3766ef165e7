{#- Reads (word, person_no, bits) out as one row per set bit: segment_no, person_no. -#}

{% macro members_of(relation, bits='bits') -%}
    (
        select
            (w.word * 64 + b.position)::usmallint as segment_no,
            w.person_no
        from (
            {% for place in range(8) -%}
                select word, person_no, {{ place }}::utinyint as place, (({{ bits }} >> {{ place * 8 }}) & 255)::utinyint as value
                from {{ relation }}
                where ({{ bits }} >> {{ place * 8 }}) & 255 <> 0
                {% if not loop.last %}union all{% endif %}
            {% endfor -%}
        ) as w
        join {{ ref('bit_positions') }} as b on w.place = b.place and w.value = b.value
    )
{%- endmacro %}
