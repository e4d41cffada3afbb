// ProjectLoader: the steps of LoadProject, in the order one needs the other: topics and references,
// tables, queries, then graphs of tasks. Internal to src/pipeline; each step reports into the same
// Problems and goes on.
#pragma once

#include <string>
#include <vector>

#include "cql/grammar/ddl.h"
#include "pipeline/project.h"

namespace millrace::pipeline {

class ProjectLoader {
 public:
  ProjectLoader(io::FileSystem& fs, std::string file, const LoadOptions& options,
                Problems& problems);

  // Runs every step; the project may be used when no problem is an error.
  Project Load();

 private:
  void LoadSettings(const Section& root);
  void LoadProfile(const Section& root);
  void LoadKafka(const std::string& profile, const Section& section);
  void LoadCassandra(const Section& section);
  void CheckTablesRole();
  void LoadTopics(const Section& root);
  void LoadTopic(const std::string& name, const Section& section);
  void LoadReferences(const Section& root);
  void LoadReference(const std::string& name, const Section& section);
  void LoadTables(const Section& root);
  void AddStatement(const cql::DdlStatement& statement, const SourceText& source);
  void LoadQueries(const Section& root);
  void LoadQuery(const std::string& name, const Section& section);
  void BindQuery(QueryDef& query, const Section& section);
  void BindExpectations(QueryDef& query, const Section& section);
  void CheckOutput(const QueryDef& query);
  void CheckSinks(QueryDef& query, const Section& section);
  // Holds an output against the table it is written to; `writer` is "query q" or "task t".
  void CheckTableSink(const std::string& writer, const data::Schema& output,
                      const std::string& table, sql::Location where);
  void EnsureLetterTopic(const std::string& name);
  void LoadPools(const Section& root);
  void LoadDags(const Section& root);
  // A time in ISO 8601; nullopt when there is none or it is none, which is reported.
  std::optional<TimestampUs> LoadTime(const Section& section, std::string_view name);
  void LoadDag(const std::string& name, const Section& section);
  std::optional<schedule::TaskSpec> LoadTask(const std::string& dag, const std::string& name,
                                             const Section& section);
  void CheckQueryTask(const std::string& name, const BatchQuerySpec& query, const Section& section);
  void LoadHttp(TaskWork& task, const Section& section);
  void LoadCommand(TaskWork& task, const Section& section);
  void CheckTemplate(const Node& node);
  void CheckSecret(const Section& auth);
  void LoadTests(const Section& root);

  // The text of a setting that may name a file with `extension` (".sql") or be the text itself.
  // Reports a missing file.
  SourceText TextOrFile(const Section& section, std::string_view name, std::string_view extension);
  SourceText TextOrFile(const Node& node, std::string_view extension);
  SourceText TextOf(const Node& node) const;
  std::string PathOf(const std::string& relative) const;
  void Error(sql::Location where, std::string message, std::string suggestion = {});
  void Add(const SourceText& source, const std::vector<sql::Diagnostic>& diagnostics,
           bool warnings = false);
  bool FollowsFromAnother(const sql::Diagnostic& diagnostic) const;

  io::FileSystem& fs_;
  std::string file_;
  const LoadOptions& options_;
  Problems& problems_;
  std::string text_;
  // What stands in them cannot be known, which was said: what depends on it is not judged.
  bool schemas_unreadable_ = false;
  bool tables_unreadable_ = false;
  bool event_times_wrong_ = false;
  Project project_;
};

}  // namespace millrace::pipeline
