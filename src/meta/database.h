// Database: the relational database of everything that is not a record: runs, tries, settings.
// SQLite beside the data (sqlite.h) now; PostgreSQL can stand behind the same interface.
//
// Statements are those both systems read alike: parameters $1, $2, ... in the order of their first
// use, `INSERT ... ON CONFLICT ... DO UPDATE`, `RETURNING`. Only schema statements are given per
// system (migration.h).
//
//   MR_TRY(db.Write([&](Session& session) -> Status {
//     MR_TRY(session.Execute("UPDATE run SET state = $1 WHERE run_key = $2", {"success", key}));
//     return session.Execute("INSERT INTO ...", {...});
//   }));   // here both changes are on stable storage, or neither is made
//
// Invariants
//   1. When Write() returned success, its changes survive a power cut; when it returned an error,
//      none of them was made.
//   2. Writes run one at a time. A Read sees one state of the database from its start to its end.
//   3. kIo and kDamaged of a Write are final: the database refuses every later Write, and the owner
//      ends the process (DESIGN invariant 1). kResourceExhausted (disk full) and kUnavailable
//      (locked by another process) made no change and may be tried again.
//
// Thread contract: every function of Database from any thread; a Session only inside its body.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace millrace::meta {

// A column's value: NULL, integer, floating point or text.
class Value {
 public:
  Value() = default;                                           // NULL
  Value(std::string text) : value_(std::move(text)) {}         // NOLINT: implicit by design
  Value(std::string_view text) : value_(std::string(text)) {}  // NOLINT
  Value(const char* text) : value_(std::string(text)) {}       // NOLINT
  Value(double number) : value_(number) {}                     // NOLINT
  template <std::integral T>
  Value(T number) : value_(static_cast<int64_t>(number)) {}  // NOLINT
  template <typename Tag, typename Rep>
  Value(StrongNumber<Tag, Rep> number) : value_(static_cast<int64_t>(number.value)) {}  // NOLINT

  bool IsNull() const { return std::holds_alternative<std::monostate>(value_); }
  // The value as asked for; 0, 0.0 or "" when it is of another kind or NULL.
  int64_t AsInteger() const;
  double AsReal() const;
  const std::string& AsText() const;

  friend bool operator==(const Value&, const Value&) = default;

 private:
  friend class SqliteStatement;
  std::variant<std::monostate, int64_t, double, std::string> value_;
};

using Row = std::vector<Value>;
using Parameters = std::initializer_list<Value>;

// One transaction, or one snapshot.
class Session {
 public:
  virtual ~Session() = default;
  // Runs one statement.
  virtual Status Execute(std::string_view statement, Parameters parameters) = 0;
  // Hands each row to `take` as it comes; the row is only valid inside the call. An error of `take`
  // ends the query and is returned.
  virtual Status Query(std::string_view statement, Parameters parameters,
                       const std::function<Status(const Row& row)>& take) = 0;
};

class Database {
 public:
  virtual ~Database() = default;
  // Runs `body` in one transaction: committed when it returns success, rolled back otherwise.
  virtual Status Write(const std::function<Status(Session&)>& body) = 0;
  // Runs `body` on one snapshot; statements that change anything are refused.
  virtual Status Read(const std::function<Status(Session&)>& body) = 0;
};

// Every row of a query that gives few: at most `rows_max`, else kResourceExhausted.
Result<std::vector<Row>> QueryAll(Session& session, std::string_view statement,
                                  Parameters parameters, size_t rows_max);

}  // namespace millrace::meta
