// Project: a project folder as read and checked: the project file, and the .sql, .cql and .csv
// files it names.
//
//   Problems problems;
//   MR_ASSIGN(auto project, LoadProject(fs, "examples/users/pipeline.yaml", {}, problems));   //
//   problems may hold warnings
//
// Loading reports every mistake at once (Problems), each with its file, line and column, in that
// order, the project file first; what only follows from another mistake is left out.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cql/client/options.h"
#include "extract/spec.h"
#include "io/file_system.h"
#include "kafka/settings.h"
#include "log/types.h"
#include "pipeline/document.h"
#include "pipeline/effective_settings.h"
#include "pipeline/settings.h"
#include "schedule/dag.h"
#include "sql/plan.h"
#include "store/schema.h"

namespace millrace::pipeline {

// A piece of SQL or CQL and where it stands, so that a location within it can be told as one of the
// file.
struct SourceText {
  std::string file;
  std::string text;
  sql::Location start{1, 1};  // where its first line begins in `file`
  int indent = 0;             // columns cut from every line (YAML block scalars)
  bool folded = false;        // its lines were joined: a mistake is placed where the text begins
  bool unreadable = false;    // its file is; said already, so nothing more is said of the text

  Problem At(const sql::Diagnostic& diagnostic, bool is_warning = false) const;
};

struct HttpWork {
  extract::HttpSourceSpec source;
  std::string secret_place;  // "env:NAME" or "file:PATH"; read when a try starts, never kept
};

struct CommandSpec {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;
};

struct BatchQuerySpec {
  SourceText sql;
  std::string into;  // table; empty: to the log
};

// What a task does; when and how often is schedule::TaskSpec's.
struct TaskWork {
  std::string dag;
  std::string name;
  sql::Location where;
  std::optional<HttpWork> http;
  std::optional<CommandSpec> command;
  std::optional<BatchQuerySpec> query;
};

struct TopicDef {
  log::TopicSpec spec;
  sql::Location where;
  std::string description;
  SourceText schema_text;
  data::Schema schema;  // empty: raw, only the hidden columns can be used
  std::string event_time;
  sql::Location event_time_where;
  int64_t watermark_delay_us = 0;
  bool declared = true;  // false: a dead-letter or late topic that only a query names
};

struct ReferenceDef {
  std::string name;
  sql::Location where;
  std::string path;
  std::vector<std::string> key;
  data::Schema schema;
};

struct ExpectDef {
  std::string name;
  SourceText condition;
  std::string message;
  sql::ExprPtr bound;  // over the query's output
};

struct QueryDef {
  std::string name;
  sql::Location where;
  SourceText sql;
  sql::PlanPtr plan;
  std::vector<std::string> tables;  // "keyspace.table"
  std::string topic;                // sink topic; empty: none
  sql::Location into_where;
  std::vector<ExpectDef> expect;
  std::string dead_letters;
  std::string late;
  bool emit_changes = false;
  bool start_latest = false;
  bool ansi = true;
  int64_t idle_timeout_us = 0;
  int64_t max_future_skew_us = 0;
};

struct TableDef {
  store::TableSchema schema;
  std::string file;
  sql::Location where;
};

// Tables in a Cassandra cluster (profiles.*.cassandra).
struct CassandraDef {
  cql::ClientOptions client;
  std::string password_place;  // "env:NAME" or "file:PATH"; read when the workspace is opened
  bool alter_schema = false;
};

struct RuntimeSettings {
  std::string listen;
  log::Durability durability = log::Durability::kSync;
  uint64_t log_segment_bytes = 0;
  uint64_t log_disk_budget = 0;  // 0: no bound
  int engine_threads = 0;
  uint64_t epoch_bytes = 0;
  int64_t epoch_interval_us = 0;
  uint64_t store_memory = 0;
  uint64_t flush_bytes = 0;
  int64_t flush_interval_us = 0;
  int store_shards = 2;
  int64_t shutdown_timeout_us = 0;
};

// Topics in a Kafka cluster (profile with roles.log: kafka).
struct KafkaRole {
  kafka::ClientSettings settings;
  std::string secret_place;  // "env:NAME" or "file:PATH"; read when the workspace is opened
};

struct Project {
  std::string name;
  std::string description;
  std::string file;    // the project file, as given
  std::string folder;  // where it stands: relative names start here
  std::string data_folder;
  RuntimeSettings settings;
  std::optional<KafkaRole> kafka;
  std::vector<schedule::DagSpec> dags;
  std::vector<TaskWork> tasks;
  std::map<std::string, int> pools;
  std::map<std::string, TopicDef> topics;
  std::map<std::string, ReferenceDef> references;
  std::vector<QueryDef> queries;
  std::vector<store::Keyspace> keyspaces;
  std::vector<store::UserType> types;
  std::map<std::string, TableDef> tables;  // by "keyspace.table"
  std::optional<CassandraDef> cassandra;   // absent: tables are embedded
  std::vector<std::string> test_files;
  std::vector<EffectiveSetting> effective_settings;
};

struct LoadOptions {
  std::string profile;      // empty: everything embedded
  std::string data_folder;  // overrides the file's `data`; empty: as the file says
  Environment environment = ProcessEnvironment();
  TimestampUs now{0};  // a schedule must fire after it; 0: not asked
};

// Reads and checks. Fails with kInvalidArgument when `problems` holds an error: the project is then
// unusable.
Result<Project> LoadProject(io::FileSystem& fs, const std::string& file, const LoadOptions& options,
                            Problems& problems);

// The data folder a project file names, though everything else in it may be wrong; empty when the
// file cannot be read as YAML.
std::string FindDataFolder(io::FileSystem& fs, const std::string& file, const LoadOptions& options);

// The names a query may use: topics as streams or as of now, tables, references.
class ProjectCatalog final : public sql::Catalog {
 public:
  ProjectCatalog(const Project& project, bool streaming);
  const sql::Relation* Find(std::string_view name) const override;
  std::vector<std::string> Names() const override;

 private:
  std::map<std::string, sql::Relation, std::less<>> relations_;
};

}  // namespace millrace::pipeline
