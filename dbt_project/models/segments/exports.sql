-- Not cut at a run: a file that has left the house has left it, whatever becomes of the run under way.
select
    export_no,
    segment,
    path,
    rows,
    sha256,
    definition_hash,
    as_of,
    gate_results,
    format,
    fields,
    mode,
    since_export,
    channel,
    members,
    dropped,
    part,
    bytes,
    run_no,
    manifest,
    exported_at,
    exported_by,
    row_number() over (
        partition by path
        order by export_no desc
    ) > 1 as is_replaced
from {{ source('raw', 'exports') }}
