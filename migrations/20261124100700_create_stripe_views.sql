-- migrate:up

-- Typed views over the mirror, with the columns people expect. Amounts are bigint minor units beside their currency;
-- times are timestamptz. Fields that moved between API versions are read from the new path, then the old one.
CREATE VIEW stripe.customers AS
SELECT scope, id, data ->> 'email' AS email, data ->> 'name' AS name, data ->> 'phone' AS phone,
       data ->> 'currency' AS currency, (data ->> 'balance')::bigint AS balance,
       (data ->> 'delinquent')::boolean AS delinquent,
       data #>> '{invoice_settings,default_payment_method}' AS default_payment_method,
       data -> 'metadata' AS metadata, to_timestamp((data ->> 'created')::bigint) AS created,
       deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'customer';

CREATE VIEW stripe.subscriptions AS
SELECT scope, id, coalesce(data #>> '{customer,id}', data ->> 'customer') AS customer, data ->> 'status' AS status,
       to_timestamp(coalesce(data ->> 'current_period_start',
                             data #>> '{items,data,0,current_period_start}')::bigint) AS current_period_start,
       to_timestamp(coalesce(data ->> 'current_period_end',
                             data #>> '{items,data,0,current_period_end}')::bigint) AS current_period_end,
       (data ->> 'cancel_at_period_end')::boolean AS cancel_at_period_end,
       to_timestamp((data ->> 'cancel_at')::bigint) AS cancel_at,
       to_timestamp((data ->> 'canceled_at')::bigint) AS canceled_at,
       to_timestamp((data ->> 'ended_at')::bigint) AS ended_at,
       to_timestamp((data ->> 'trial_end')::bigint) AS trial_end,
       coalesce(data #>> '{latest_invoice,id}', data ->> 'latest_invoice') AS latest_invoice,
       data -> 'items' AS items, data -> 'metadata' AS metadata,
       to_timestamp((data ->> 'created')::bigint) AS created, terminal, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'subscription';

CREATE VIEW stripe.invoices AS
SELECT scope, id, coalesce(data #>> '{customer,id}', data ->> 'customer') AS customer,
       coalesce(data #>> '{parent,subscription_details,subscription}', data ->> 'subscription') AS subscription,
       data ->> 'number' AS number, data ->> 'status' AS status, data ->> 'currency' AS currency,
       (data ->> 'total')::bigint AS total, (data ->> 'amount_due')::bigint AS amount_due,
       (data ->> 'amount_paid')::bigint AS amount_paid, (data ->> 'amount_remaining')::bigint AS amount_remaining,
       (data ->> 'attempt_count')::integer AS attempt_count,
       to_timestamp((data ->> 'next_payment_attempt')::bigint) AS next_payment_attempt,
       to_timestamp((data ->> 'due_date')::bigint) AS due_date,
       to_timestamp((data #>> '{status_transitions,paid_at}')::bigint) AS paid_at,
       to_timestamp((data ->> 'created')::bigint) AS created, terminal, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'invoice';

CREATE VIEW stripe.payment_intents AS
SELECT scope, id, coalesce(data #>> '{customer,id}', data ->> 'customer') AS customer, data ->> 'status' AS status,
       data ->> 'currency' AS currency, (data ->> 'amount')::bigint AS amount,
       (data ->> 'amount_received')::bigint AS amount_received,
       coalesce(data #>> '{latest_charge,id}', data ->> 'latest_charge') AS latest_charge,
       data #>> '{last_payment_error,code}' AS last_error_code, data -> 'metadata' AS metadata,
       to_timestamp((data ->> 'created')::bigint) AS created, terminal, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'payment_intent';

CREATE VIEW stripe.charges AS
SELECT scope, id, coalesce(data #>> '{customer,id}', data ->> 'customer') AS customer, data ->> 'status' AS status,
       data ->> 'currency' AS currency, (data ->> 'amount')::bigint AS amount,
       (data ->> 'amount_captured')::bigint AS amount_captured, (data ->> 'amount_refunded')::bigint AS amount_refunded,
       (data ->> 'captured')::boolean AS captured, (data ->> 'refunded')::boolean AS refunded,
       (data ->> 'disputed')::boolean AS disputed,
       coalesce(data #>> '{payment_intent,id}', data ->> 'payment_intent') AS payment_intent,
       data ->> 'failure_code' AS failure_code,
       to_timestamp((data ->> 'created')::bigint) AS created, terminal, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'charge';

CREATE VIEW stripe.refunds AS
SELECT scope, id, coalesce(data #>> '{charge,id}', data ->> 'charge') AS charge,
       coalesce(data #>> '{payment_intent,id}', data ->> 'payment_intent') AS payment_intent,
       data ->> 'status' AS status, data ->> 'currency' AS currency, (data ->> 'amount')::bigint AS amount,
       data ->> 'reason' AS reason, data ->> 'failure_reason' AS failure_reason,
       to_timestamp((data ->> 'created')::bigint) AS created, terminal, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'refund';

CREATE VIEW stripe.disputes AS
SELECT scope, id, coalesce(data #>> '{charge,id}', data ->> 'charge') AS charge,
       coalesce(data #>> '{payment_intent,id}', data ->> 'payment_intent') AS payment_intent,
       data ->> 'status' AS status, data ->> 'reason' AS reason, data ->> 'currency' AS currency,
       (data ->> 'amount')::bigint AS amount,
       to_timestamp((data #>> '{evidence_details,due_by}')::bigint) AS evidence_due_by,
       to_timestamp((data ->> 'created')::bigint) AS created, terminal, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'dispute';

CREATE VIEW stripe.checkout_sessions AS
SELECT scope, id, coalesce(data #>> '{customer,id}', data ->> 'customer') AS customer, data ->> 'mode' AS mode,
       data ->> 'status' AS status, data ->> 'payment_status' AS payment_status, data ->> 'currency' AS currency,
       (data ->> 'amount_total')::bigint AS amount_total,
       coalesce(data #>> '{payment_intent,id}', data ->> 'payment_intent') AS payment_intent,
       coalesce(data #>> '{subscription,id}', data ->> 'subscription') AS subscription,
       data ->> 'client_reference_id' AS client_reference_id, data -> 'metadata' AS metadata,
       to_timestamp((data ->> 'created')::bigint) AS created, terminal, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'checkout.session';

CREATE VIEW stripe.products AS
SELECT scope, id, data ->> 'name' AS name, (data ->> 'active')::boolean AS active, data -> 'metadata' AS metadata,
       to_timestamp((data ->> 'created')::bigint) AS created, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'product';

CREATE VIEW stripe.prices AS
SELECT scope, id, coalesce(data #>> '{product,id}', data ->> 'product') AS product, data ->> 'currency' AS currency,
       (data ->> 'unit_amount')::bigint AS unit_amount, (data ->> 'unit_amount_decimal')::numeric AS unit_amount_decimal,
       data ->> 'type' AS type, data #>> '{recurring,interval}' AS recurring_interval,
       (data ->> 'active')::boolean AS active, deleted, event_id, event_created
  FROM stripe.objects WHERE object = 'price';

GRANT SELECT ON stripe.customers, stripe.subscriptions, stripe.invoices, stripe.payment_intents, stripe.charges,
  stripe.refunds, stripe.disputes, stripe.checkout_sessions, stripe.products, stripe.prices
  TO keystrand_worker, keystrand_operator, keystrand_reader;

-- migrate:down
DROP VIEW stripe.prices, stripe.products, stripe.checkout_sessions, stripe.disputes, stripe.refunds, stripe.charges,
  stripe.payment_intents, stripe.invoices, stripe.subscriptions, stripe.customers;
