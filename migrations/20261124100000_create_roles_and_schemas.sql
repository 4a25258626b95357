-- migrate:up

-- Group roles without login: an installation grants them to its own login roles. Roles belong to the cluster, so two
-- databases migrated at once may both try; whoever comes second finds them there.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['keystrand_worker', 'keystrand_operator', 'keystrand_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
  END LOOP;
END
$$;

CREATE SCHEMA IF NOT EXISTS keystrand;
CREATE SCHEMA IF NOT EXISTS stripe;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA keystrand, stripe TO keystrand_worker, keystrand_operator, keystrand_reader;
-- dbmate's own table, which programs compare with what they were built for.
GRANT SELECT ON keystrand.schema_migrations TO keystrand_worker, keystrand_operator, keystrand_reader;

-- migrate:down
DROP SCHEMA stripe;
REVOKE ALL ON SCHEMA keystrand FROM keystrand_worker, keystrand_operator, keystrand_reader;
