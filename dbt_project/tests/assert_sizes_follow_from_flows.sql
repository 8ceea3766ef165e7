{{ config(meta={'dagster': {'ref': {'name': 'segment_size_log'}}}) }}
-- Size today = size at the last calculation + entered - left. A miss means that members were lost or counted twice on
-- the way from bits to stays, which no later step would notice.
with sizes as (
    select
        run_no,
        segment_no,
        users,
        entered,
        left_count,
        lag(users, 1, 0) over (partition by segment_no order by run_no) as users_before
    from {{ ref('segment_size_log') }}
)

select * from sizes
where run_no = {{ this_run() }} and users <> users_before + entered - left_count
