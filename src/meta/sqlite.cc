#include "meta/sqlite.h"

#include <mutex>
#include <optional>

#include "meta/sqlite_statement.h"

namespace millrace::meta {
namespace {

std::string BackupName(const std::string& path, int number) {
  return fmt::format("{}.backup.{}", path, number);
}

// SQL text in single quotes.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') quoted += c;
  }
  return quoted + "'";
}

Status SyncFile(io::FileSystem& files, const std::string& path) {
  MR_ASSIGN(auto file, files.OpenForWrite(path, io::OpenMode::kAppend));
  MR_TRY(file->Sync());
  return files.SyncFolder(io::FolderOf(path));
}

class Sqlite final : public SqliteDatabase {
 public:
  Sqlite(std::string path, const SqliteOptions& options, std::unique_ptr<SqliteConnection> writer,
         std::unique_ptr<SqliteConnection> reader)
      : path_(std::move(path)),
        options_(options),
        writer_(std::move(writer)),
        reader_(std::move(reader)) {}

  Status Write(const std::function<Status(Session&)>& body) override {
    std::lock_guard lock(write_mutex_);
    if (broken_) return std::unexpected(*broken_);
    Status done = Transaction(*writer_, "BEGIN IMMEDIATE", body);
    if (!done && (done.error().code == ErrorCode::kIo || done.error().code == ErrorCode::kDamaged))
      broken_ = done.error();
    return done;
  }

  Status Read(const std::function<Status(Session&)>& body) override {
    std::lock_guard lock(read_mutex_);
    return Transaction(*reader_, "BEGIN", body);
  }

  Status BackupTo(const std::string& path) override {
    io::FileSystem& files = *options_.files;
    if (files.Exists(path))
      return Fail(ErrorCode::kAlreadyExists, "backup of the metadata database: {} exists", path);
    // A connection of its own, so that neither readers nor the writer wait for the copy.
    MR_ASSIGN(auto copier,
              SqliteConnection::Open(path_, true, std::chrono::seconds(5), options_.vfs));
    MR_TRY(copier->ExecuteOnce("VACUUM INTO " + Quoted(path)));
    return SyncFile(files, path);
  }

  Status RotateBackup(int keep) override {
    std::lock_guard lock(backup_mutex_);
    io::FileSystem& files = *options_.files;
    const std::string fresh = path_ + ".backup.tmp";
    if (files.Exists(fresh)) MR_TRY(files.RemoveFile(fresh));
    MR_TRY(BackupTo(fresh));
    for (int number = keep - 1; number >= 1; --number) {
      if (!files.Exists(BackupName(path_, number))) continue;
      MR_TRY(files.Rename(BackupName(path_, number), BackupName(path_, number + 1)));
      // Else the next rename could be durable before this one, over the only name of a backup.
      MR_TRY(files.SyncFolder(io::FolderOf(path_)));
    }
    MR_TRY(files.Rename(fresh, BackupName(path_, 1)));
    return files.SyncFolder(io::FolderOf(path_));
  }

 private:
  static Status Transaction(SqliteConnection& connection, std::string_view begin,
                            const std::function<Status(Session&)>& body) {
    MR_TRY(connection.Execute(begin, {}));
    Status done = body(connection);
    if (done) {
      done = connection.Execute("COMMIT", {});
      if (done) return {};
    }
    if (connection.InTransaction()) {
      MR_TRY(connection.Execute("ROLLBACK", {}));
    }
    return done;
  }

  const std::string path_;
  const SqliteOptions options_;
  std::mutex write_mutex_;
  std::unique_ptr<SqliteConnection> writer_;  // guarded by write_mutex_
  std::optional<Error> broken_;               // guarded by write_mutex_
  std::mutex read_mutex_;
  std::unique_ptr<SqliteConnection> reader_;  // guarded by read_mutex_
  std::mutex backup_mutex_;
};

Status Prepare(SqliteConnection& writer, const std::string& path, bool quick_check) {
  for (const char* pragma :
       {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON",
        "PRAGMA wal_autocheckpoint=2000", "PRAGMA journal_size_limit=67108864",
        "PRAGMA temp_store=MEMORY", "PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON"})
    MR_TRY(writer.ExecuteOnce(pragma));
  if (!quick_check) return {};
  MR_ASSIGN(const auto findings, QueryAll(writer, "PRAGMA quick_check(1)", {}, 10));
  if (findings.size() == 1 && findings[0][0].AsText() == "ok") return {};
  return Fail(ErrorCode::kDamaged, "metadata database {}: {}", path,
              findings.empty() ? "quick_check gave no answer" : findings[0][0].AsText());
}

}  // namespace

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path,
                                                             const SqliteOptions& options) {
  io::FileSystem& files = *options.files;
  MR_ASSIGN(auto writer, SqliteConnection::Open(path, false, options.busy_timeout, options.vfs));
  if (Status ready = Prepare(*writer, path, options.quick_check); !ready) {
    Error error = std::move(ready).error();
    if (error.code == ErrorCode::kDamaged)
      error.hint = fmt::format("the damaged file is kept; restore a backup, the newest is {}",
                               BackupName(path, 1));
    return std::unexpected(std::move(error));
  }
  // SQLite syncs its files, and the name of a WAL it made itself. A killed process may have left
  // both names, the database's and the WAL's, not durable.
  MR_TRY(files.SyncFolder(io::FolderOf(path)));
  MR_ASSIGN(auto reader, SqliteConnection::Open(path, true, options.busy_timeout, options.vfs));
  MR_TRY(reader->ExecuteOnce("PRAGMA query_only=ON"));
  return std::make_unique<Sqlite>(path, options, std::move(writer), std::move(reader));
}

}  // namespace millrace::meta
