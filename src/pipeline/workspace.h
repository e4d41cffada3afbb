// Workspace: a project's data folder, opened: log, tables and run history, with every topic and
// table of the project made or compared. `millrace run` runs on one; commands that find no running
// process open one themselves.
//
//   <data>/LOCK      held by the one process that has the folder open
//   <data>/FORMAT    version of the folder's layout
//   <data>/ROLES     which Kafka cluster its positions belong to; absent: the embedded log
//   <data>/TABLES    where the tables are that the progress in this folder is of
//   <data>/log/      topics            (src/log)
//   <data>/store/    tables and state  (src/store)
//   <data>/meta/     runs and tries    (src/meta)
//   <data>/refs/     versions of reference files that unflushed epochs were joined with
//   (src/connect)
//
// Thread contract: accessors from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "connect/topics.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "log/log.h"
#include "meta/sqlite.h"
#include "pipeline/project.h"
#include "store/store.h"

namespace millrace::pipeline {

struct WorkspaceOptions {
  // A failed fsync or a RocksDB background error: the process must end. Default: log it and
  // _exit(1).
  std::function<void(const Error&)> on_fatal;
  // Give up damaged parts of the log (recorded), instead of closing their partitions.
  bool accept_loss = false;
  // Commands that only read leave a topic or table that differs from the project as it is.
  bool apply_schema = true;
  // A test's workspace keeps no run history, and its tables live on the given file system.
  bool in_memory = false;
};

class Workspace {
 public:
  // kUnavailable: another process has the folder (its pid is in the message); kDamaged;
  // kUnsupported: made by a newer version; kInvalidArgument: a topic or table differs from the
  // project's in a way that cannot be applied, with the difference and the command that helps.
  static Result<std::unique_ptr<Workspace>> Open(const Project& project, io::FileSystem& fs,
                                                 io::Clock& clock, WorkspaceOptions options);
  // Flushes the tables and closes.
  ~Workspace();

  const Project& project() const { return project_; }
  io::FileSystem& fs() { return fs_; }
  io::Clock& clock() { return clock_; }
  // Where the topics are: the embedded log, or the cluster the profile names.
  connect::Topics& topics() { return *topics_; }
  // The embedded log itself: of epoch intents, and of the topics unless the profile says otherwise.
  log::Log& log() { return *log_; }
  store::Store& store() { return *store_; }
  // Not of a workspace in memory.
  meta::SqliteDatabase& database() { return *database_; }
  // The process must end: a write that was acknowledged may not be kept.
  void Fatal(const Error& error) { on_fatal_(error); }
  std::string PathOf(std::string_view name) const;  // within the data folder
  // Notes of what was made or changed while opening, for the user.
  const std::vector<std::string>& changes() const { return changes_; }

  // The table called "keyspace.name"; kNotFound names the ones there are.
  Result<store::TableHandle> FindTable(const std::string& name);

 private:
  Workspace(const Project& project, io::FileSystem& fs, io::Clock& clock)
      : project_(project), fs_(fs), clock_(clock) {}
  Status CheckFormat();
  Status OpenLog(const WorkspaceOptions& options);
  Status OpenTopics();
  Status CheckRoles();
  Status OpenStore(const WorkspaceOptions& options);
  Status OpenCassandra();
  Status CheckTablesPlace();
  Status OpenDatabase();
  Status EnsureTopics();
  Status EnsureTables();
  Status EnsureEachTable();

  const Project& project_;
  io::FileSystem& fs_;
  io::Clock& clock_;
  std::function<void(const Error&)> on_fatal_;
  std::unique_ptr<io::FileLock> lock_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<connect::Topics> topics_;
  std::unique_ptr<store::Store>
      store_;  // closed before the log: its last flush syncs the log first
  std::unique_ptr<meta::SqliteDatabase> database_;
  std::vector<std::string> changes_;
  bool is_new_ = false;  // the folder was made by this opening
};

// "keyspace.name" -> both parts; kInvalidArgument when there is no dot.
Result<std::pair<std::string, std::string>> SplitTableName(const std::string& name);

}  // namespace millrace::pipeline
