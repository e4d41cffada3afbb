// The embedded metadata database: one SQLite file in WAL mode with synchronous=FULL, so that a
// commit is on stable storage when it returns. It is checked with quick_check when opened.
//
// One process writes (the data folder's lock sees to that); others, such as sqlite3 in a shell, may
// read.
//
// Backups are whole copies made by SQLite while the database is in use: written beside, synced,
// renamed, and rotated: <name>.1 is the newest.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/file_system.h"
#include "meta/database.h"

namespace millrace::meta {

struct SqliteOptions {
  // How long a statement waits for a lock another process holds before kUnavailable.
  std::chrono::milliseconds busy_timeout{5000};
  bool quick_check = true;
  // What the database's files are on, and the name of the SQLite VFS over it; tests put a simulated
  // disk under both.
  io::FileSystem* files = &io::PosixFileSystem();
  std::string vfs = {};  // empty: SQLite's own, on the operating system's files
};

class SqliteDatabase : public Database {
 public:
  // Makes the file when it is absent. kDamaged: quick_check found something, or it is no SQLite
  // database; the hint names the newest backup.
  static Result<std::unique_ptr<SqliteDatabase>> Open(const std::string& path,
                                                      const SqliteOptions& options);

  // Copies the database to `path`, which must not exist; durable when it returns.
  virtual Status BackupTo(const std::string& path) = 0;
  // Backs up to "<path of the database>.backup.1" and moves older ones up, keeping `keep` >= 1 of
  // them. A crash at any instant leaves at least the backups there were, but for the oldest.
  virtual Status RotateBackup(int keep) = 0;
};

}  // namespace millrace::meta
