// Plan: what a query does, as a tree of typed nodes from the sources up. The binder makes it, the
// optimiser prunes columns and pushes predicates, the engine runs it: continuously when a scan is a
// stream, once otherwise.
//
// Invariants
//   1. `schema` is the node's output; expressions of a node refer to its input's schema (a kUnion's
//   inputs all have it).
//   2. A stream scan's schema holds only what the query uses: columns pruned, structs pruned to the
//   used fields.
//   3. At most one kWindowAggregate in a streaming plan, above the scan's filters and projections.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/type.h"
#include "sql/expr.h"

namespace millrace::sql {

enum class RelationKind : uint8_t {
  kStream,     // a topic read continuously: STREAM(topic), or a topic named in a streaming query's
               // FROM
  kTopic,      // a topic read once, up to its present end
  kTable,      // an embedded table, read once (batch) or looked up by key (LEFT JOIN in a stream)
  kReference,  // a reference file (CSV), looked up by key or read once
};

// What the binder is told of a named source.
struct Relation {
  std::string name;
  RelationKind kind = RelationKind::kTable;
  data::Schema schema;
  // Columns that a look-up may be by, all of them or a leading part: a table's primary key in
  // order, a reference's key.
  std::vector<std::string> key;
  size_t partition_key_size = 0;  // tables: how many of `key` are the partition key
  // Streams: the event-time column and how long to wait for late rows.
  std::string event_time;
  int64_t watermark_delay_us = 0;
};

// Hidden columns of topics, not part of `*`: _key STRING, _topic STRING, _partition INT, _offset
// BIGINT, _timestamp TIMESTAMP (the record's), _headers MAP<STRING, BINARY>.
data::Schema TopicMetadataColumns();

class Catalog {
 public:
  virtual ~Catalog() = default;
  // `name` as written, "users_raw" or "users.by_id"; nullptr when unknown.
  virtual const Relation* Find(std::string_view name) const = 0;
  virtual std::vector<std::string> Names() const = 0;
};

enum class AggregateKind : uint8_t {
  kCountStar,
  kCount,
  kSum,
  kMin,
  kMax,
  kAvg,
  kFirst,
  kLast,
  kCountDistinct,
  kSumDistinct,
  kAvgDistinct,
  kCollectList,
  kCollectSet,
  kAnyValue,
  kBoolAnd,
  kBoolOr,
  kMinBy,
  kMaxBy,
  kStddevSamp,
  kVarSamp,
  kStddevPop,
  kVarPop,
  kTrySum,
  kTryAvg,
  kPercentile,  // the second argument is a DOUBLE literal within 0 and 1
  kMode,
};

struct AggregateCall {
  AggregateKind kind = AggregateKind::kCountStar;
  std::vector<ExprPtr> args;  // over the node's input, already of the type the aggregate works in
  ExprPtr filter;             // FILTER (WHERE ...); may be null
  bool ignore_nulls = false;  // first, last, any_value
  data::DataType type;        // of the result
};

struct SortKey {
  ExprPtr expr;
  bool ascending = true;
  bool nulls_first = true;
};

enum class PlanKind : uint8_t {
  kScan,
  kFilter,
  kProject,
  kGenerate,
  kLookup,
  kUnion,
  kWindowAggregate,
  kAggregate,
  kDistinct,
  kSort,
  kLimit,
  kValues,
};

struct Plan;
using PlanPtr = std::shared_ptr<const Plan>;

struct Plan {
  PlanKind kind = PlanKind::kScan;
  data::Schema schema;
  std::vector<PlanPtr> inputs;
  Location where;

  // kScan
  Relation relation;    // as found in the catalog
  int event_time = -1;  // ordinal in `schema` of the event-time column; -1: none
  // The event time over `schema`, of type TIMESTAMP, also where it is no column of its own but a
  // field or a cast; null: none. Only set where a window needs it.
  ExprPtr event_time_expr;
  int64_t watermark_delay_us = 0;
  // Conjuncts over `schema` that cannot fail and may be decided while reading. A reader that
  // decides them must do so exactly; the kFilter above still holds them, for readers that do not.
  std::vector<ExprPtr> pushed_filters;

  ExprPtr predicate;                 // kFilter
  std::vector<ExprPtr> expressions;  // kProject

  // kGenerate: explode, posexplode, inline of `generator`; output = input columns, then [pos,]
  // element columns.
  ExprPtr generator;
  bool generator_outer = false;  // an empty or NULL collection gives one row of NULLs
  bool generator_position = false;

  // kLookup: for each input row the matching rows of `relation`; output = input columns, then
  // relation's columns.
  std::vector<ExprPtr> lookup_keys;  // over the input, of the key columns' types
  std::vector<int> lookup_columns;   // ordinals in relation.schema, same order
  bool lookup_outer = false;         // LEFT JOIN: no match gives NULLs; else INNER
  ExprPtr lookup_condition;          // rest of ON, over input + relation columns; may be null

  // kWindowAggregate: output = window STRUCT<start: TIMESTAMP, end: TIMESTAMP>, group keys,
  // aggregates.
  ExprPtr window_time;  // event time, TIMESTAMP
  int64_t window_size_us = 0;
  int64_t window_slide_us = 0;  // equal to the size: tumbling
  int64_t window_offset_us = 0;
  // kAggregate: output = group keys, aggregates.
  std::vector<ExprPtr> group_keys;
  std::vector<AggregateCall> aggregates;

  std::vector<SortKey> sort_keys;  // kSort
  int64_t limit = -1;              // kLimit; -1: none
  int64_t offset = 0;
  std::vector<std::vector<ExprPtr>> rows;  // kValues (SELECT without FROM: one row without columns)
};

// As EXPLAIN prints it: one node a line, indented.
std::string ToString(const Plan& plan);
// Changes when the plan would give other output or keep other state; stable between processes and
// releases.
uint64_t HashOf(const Plan& plan);

struct BindOptions {
  bool streaming = false;  // named topics are read as streams
  bool ansi = true;
};

// One query: text to plan, with every mistake found reported at once.
struct BoundQuery {
  PlanPtr plan;  // null when there are errors
  std::vector<Diagnostic> errors;
  std::vector<Diagnostic> warnings;
};
BoundQuery BindQuery(std::string_view text, const Catalog& catalog, const BindOptions& options);

// An expression over named columns: expect conditions, fixtures.
struct BoundExpr {
  ExprPtr expr;  // null when there are errors
  std::vector<Diagnostic> errors;
};
BoundExpr BindExpression(std::string_view text, const data::Schema& input,
                         const BindOptions& options);

// "id STRING NOT NULL, tags ARRAY<STRING>, dob STRUCT<date: TIMESTAMP, age: INT>": a topic's
// schema. Column comments and NOT NULL are accepted.
struct ParsedSchema {
  data::Schema schema;
  std::vector<Diagnostic> errors;
};
ParsedSchema ParseSchemaDdl(std::string_view text);

}  // namespace millrace::sql
