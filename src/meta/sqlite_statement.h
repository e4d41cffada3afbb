// SqliteConnection and SqliteStatement: SQLite's C interface as Results. Private to src/meta.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "meta/database.h"

struct sqlite3;
struct sqlite3_stmt;

namespace millrace::meta {

// A prepared statement; owned by its connection's cache.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  // Binds, runs to the end, hands rows to `take` (may be empty), resets.
  Status Run(Parameters parameters, const std::function<Status(const Row&)>& take);

 private:
  friend class SqliteConnection;
  Status Bind(Parameters parameters);
  Status Step(const std::function<Status(const Row&)>& take);

  sqlite3* connection_;
  sqlite3_stmt* statement_;
  Row row_;  // reused from row to row
};

// One connection with its cache of prepared statements. One thread at a time.
class SqliteConnection final : public Session {
 public:
  // `vfs`: as in SqliteOptions.
  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path, bool read_only,
                                                        std::chrono::milliseconds busy_timeout,
                                                        const std::string& vfs);
  ~SqliteConnection() override;

  Status Execute(std::string_view statement, Parameters parameters) override;
  Status Query(std::string_view statement, Parameters parameters,
               const std::function<Status(const Row& row)>& take) override;
  // Without the cache: PRAGMA, VACUUM.
  Status ExecuteOnce(const std::string& statement);
  // Whether a BEGIN has had no COMMIT or ROLLBACK (SQLite rolls back by itself on some errors).
  bool InTransaction() const;

 private:
  explicit SqliteConnection(sqlite3* connection) : connection_(connection) {}
  Result<SqliteStatement*> Prepared(std::string_view text);

  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  sqlite3* connection_;
  std::unordered_map<std::string, std::unique_ptr<SqliteStatement>, TextHash, std::equal_to<>>
      prepared_;
};

}  // namespace millrace::meta
