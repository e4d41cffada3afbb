// What others ask of a plan without walking it: the project checker (does the output fill the
// table's key? which topics must exist?), the engine's owner (is there state?), EXPLAIN's readers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sql/plan.h"

namespace millrace::sql {

// One source that a plan reads.
struct SourceUse {
  std::string name;
  RelationKind kind = RelationKind::kTable;
  data::Schema columns;    // what is read of it
  std::string event_time;  // as text over `columns`; empty: none needed
  int64_t watermark_delay_us = 0;
  Location where;
};

// One table or reference in which rows are looked up.
struct LookupUse {
  std::string name;
  RelationKind kind = RelationKind::kTable;
  std::vector<std::string> key;  // the columns it is looked up by
  bool outer = false;            // rows without a match stay
  Location where;
};

struct QueryFacts {
  data::Schema output;
  std::vector<SourceUse> sources;
  std::vector<LookupUse> lookups;
  bool windowed = false;       // keeps state until windows close
  int64_t window_size_us = 0;  // of the windowed aggregate
  // Output columns whose values differ at each evaluation (rand(), uuid()); no good as a key.
  std::vector<std::string> random_columns;
};

QueryFacts FactsOf(const Plan& plan);

}  // namespace millrace::sql
