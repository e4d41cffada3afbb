-- The users example's main query: cleaned, enriched, one row per user.
SELECT
  login.uuid AS id,
  u.name.first AS first_name,
  u.name.last AS last_name,
  concat_ws(' ', u.name.first, u.name.last) AS full_name,
  concat_ws(', ', concat_ws(' ', CAST(location.street.number AS STRING), location.street.name),
            location.city) AS address,
  upper(location.country) AS country_upper,
  CAST(location.postcode AS STRING) AS post_code,
  email,
  lower(split_part(email, '@', 2)) AS email_domain,
  CAST(dob.date AS TIMESTAMP) AS dob,
  CAST(floor(months_between(current_date(), CAST(u.dob.date AS DATE)) / 12) AS INT) AS age,
  age >= 18 AS is_adult,
  u.registered.date AS registered_date,
  date_format(u.registered.date, 'yyyy-MM') AS registered_month,
  phone,
  c.region,
  c.continent,
  c.calling_code
FROM STREAM(users_raw) u
LEFT JOIN countries c ON c.name = u.location.country
WHERE login.uuid IS NOT NULL AND email LIKE '%@%'
