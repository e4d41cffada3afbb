// QueryDefinition: everything a streaming query's results depend on, as text that is stored beside
// its unflushed epochs, so that they can be re-run with what they ran with even after the project
// was edited (DESIGN invariant 6).
//
// Stored form: docs/formats/epoch.md, "definition"; the first byte is its version.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/plan.h"

namespace millrace::pipeline {

struct Project;
struct QueryDef;

struct QueryDefinition {
  struct Expectation {
    std::string name;
    std::string condition;
    std::string message;
    friend bool operator==(const Expectation&, const Expectation&) = default;
  };

  std::string name;
  std::string sql;
  bool ansi = true;
  bool emit_changes = false;
  bool start_latest = false;
  int64_t idle_timeout_us = 0;
  int64_t max_future_skew_us = 0;
  std::vector<Expectation> expect;
  std::vector<std::string> tables;
  std::string topic;
  std::string dead_letters;
  std::string late;
  // The sources the plan uses, as they were.
  std::vector<sql::Relation> relations;

  static QueryDefinition Of(const QueryDef& query);
  std::string Encode() const;
  static Result<QueryDefinition> Decode(std::string_view bytes);

  // The plan and the conditions, bound again. kInternal when the text no longer binds (an older
  // version accepted it).
  struct Bound {
    sql::PlanPtr plan;
    std::vector<sql::ExprPtr> conditions;  // one per expectation
  };
  Result<Bound> Bind() const;
};

// The topics a plan reads as streams, each once.
std::vector<std::string> StreamsOf(const sql::Plan& plan);

// A schema as DDL that ParseSchemaDdl reads back equal; every name is quoted.
std::string SchemaToDdl(const data::Schema& schema);

}  // namespace millrace::pipeline
