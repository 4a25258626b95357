-- What the peers of the worker run for each batch: the rows that keystrand-worker writes, in its own tables, in one
-- statement and so in one transaction. An event that the inbox knows is left alone. $13 to $20 have each object of the
-- batch once, as its newest event shows it.
WITH claimed AS (
  INSERT INTO keystrand.inbox (scope, event_id, event_type, ordering_key, object_type, object_id, api_version,
                               event_created, received_at, source_topic, source_partition, source_offset, status)
  SELECT scope, event_id, event_type, ordering_key, object_type, object_id, api_version, to_timestamp(created),
         to_timestamp(received_at_ms / 1000.0), $1, source_partition, source_offset, 'applied'
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[],
                $10::bigint[], $11::integer[], $12::bigint[])
      AS e(scope, event_id, event_type, ordering_key, object_type, object_id, api_version, created, received_at_ms,
           source_partition, source_offset)
  ON CONFLICT DO NOTHING
)
INSERT INTO stripe.objects AS o (scope, object, id, data, api_version, event_id, event_type, event_created)
SELECT scope, object, id, data::jsonb, api_version, event_id, event_type, to_timestamp(created)
  FROM unnest($13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::bigint[])
    AS n(scope, object, id, data, api_version, event_id, event_type, created)
ON CONFLICT (scope, object, id) DO UPDATE
  SET data = excluded.data, api_version = excluded.api_version, event_id = excluded.event_id,
      event_type = excluded.event_type, event_created = excluded.event_created
  WHERE (o.event_created, o.event_id) < (excluded.event_created, excluded.event_id)
