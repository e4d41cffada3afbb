-- Sign-ups per country and minute of registration.
SELECT
  u.location.country         AS country,
  window.start               AS minute,
  count(*)                   AS signups,
  count(DISTINCT u.login.uuid) AS users,
  min(u.registered.date)     AS first_at,
  max(u.registered.date)     AS last_at,
  avg(u.dob.age)             AS average_age
FROM STREAM(users_raw) u
WHERE u.location.country IS NOT NULL
GROUP BY window(u.registered.date, '1 minute'), u.location.country
