#include "cli/new_project.h"

namespace millrace::cli {
namespace {

constexpr NewProjectFile kFiles[] = {
    {"pipeline.yaml",
     R"yaml(# A pipeline: events come into a topic, one query cleans them, one table answers a question.
millrace: 1
name: events

dags:
  heartbeat:
    description: Writes a line into the run's log; replace it by an http task that fetches records.
    schedule: "@every 1m"
    tasks:
      say_hello:
        command: {argv: [echo, "hello from {{ run_id }}"]}

topics:
  events:
    partitions: 2
    schema: id STRING, kind STRING, amount DOUBLE, at TIMESTAMP
    event_time: at

queries:
  clean_events:
    sql: clean_events.sql
    expect:
      - {name: id, condition: id IS NOT NULL, message: an event needs an id}
    into: [shop.events_by_kind]

tables: [tables.cql]
)yaml"},
    {"clean_events.sql", R"sql(SELECT id, lower(kind) AS kind, amount, at
FROM STREAM(events)
)sql"},
    {"tables.cql",
     R"cql(CREATE KEYSPACE IF NOT EXISTS shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};

-- What were the latest events of a kind?
--   SELECT * FROM shop.events_by_kind WHERE kind = 'order' LIMIT 10
CREATE TABLE IF NOT EXISTS shop.events_by_kind (
  kind text, at timestamp, id text, amount double,
  PRIMARY KEY ((kind), at, id)
) WITH CLUSTERING ORDER BY (at DESC, id ASC);
)cql"},
    {"tests/clean_events.yaml", R"yaml(tests:
  - name: an order becomes a row
    query: clean_events
    input:
      events:
        - {id: e1, kind: ORDER, amount: 12.5, at: "2026-01-01T08:00:00Z"}
    rows:
      shop.events_by_kind:
        - {kind: order, id: e1, amount: 12.5}

  - name: an event without an id is refused
    query: clean_events
    input:
      events:
        - {kind: ORDER, amount: 1, at: "2026-01-01T08:00:00Z"}
    rows:
      shop.events_by_kind: []
    dead_letters:
      - {stage: expect, condition: EXPECT_id}
)yaml"},
    {"README.md", R"md(# events

    millrace check        # every mistake at once
    millrace test         # the fixtures in tests/
    millrace run          # until Ctrl-C

In another terminal:

    echo '{"id":"e1","kind":"ORDER","amount":12.5,"at":"2026-01-01T08:00:00Z"}' | millrace produce events
    millrace query "SELECT * FROM shop.events_by_kind"
)md"},
    {".gitignore", "data/\n"},
};

}  // namespace

std::span<const NewProjectFile> NewProjectFiles() { return kFiles; }

}  // namespace millrace::cli
