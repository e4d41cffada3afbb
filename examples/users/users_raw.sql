-- The fields of one user that the pipeline knows. Others stay in the record and can be named here later.
gender     STRING,
name       STRUCT<title: STRING, first: STRING, last: STRING>,
location   STRUCT<
             street: STRUCT<number: INT, name: STRING>,
             city: STRING,
             state: STRING,
             country: STRING,
             postcode: STRING,  -- sometimes a number, sometimes text: read as text
             coordinates: STRUCT<latitude: STRING, longitude: STRING>,
             timezone: STRUCT<`offset`: STRING, description: STRING>>,
email      STRING,
login      STRUCT<uuid: STRING, username: STRING>,
dob        STRUCT<date: TIMESTAMP, age: INT>,
registered STRUCT<date: TIMESTAMP, age: INT>,
phone      STRING,
cell       STRING,
picture    STRUCT<large: STRING, medium: STRING, thumbnail: STRING>,
nat        STRING
