#include "meta/sqlite_statement.h"

#include <sqlite3.h>

namespace millrace::meta {
namespace {

constexpr size_t kPreparedMax = 256;

ErrorCode CodeOf(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kUnavailable;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return ErrorCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kDamaged;
    case SQLITE_CONSTRAINT:
      return ErrorCode::kAlreadyExists;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::kIo;
    default:
      return ErrorCode::kInternal;
  }
}

std::unexpected<Error> FailSqlite(sqlite3* connection, std::string_view what) {
  const int code = sqlite3_extended_errcode(connection);
  auto failed = Fail(CodeOf(code), "metadata database: {} ({}): {}", sqlite3_errmsg(connection),
                     code, what.substr(0, 200));
  if (failed.error().code == ErrorCode::kUnavailable)
    failed.error().hint = "another process holds the metadata database; end it and try again";
  return failed;
}

}  // namespace

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

Status SqliteStatement::Run(Parameters parameters, const std::function<Status(const Row&)>& take) {
  MR_TRY(Bind(parameters));
  Status done = Step(take);
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  return done;
}

Status SqliteStatement::Bind(Parameters parameters) {
  if (sqlite3_bind_parameter_count(statement_) != static_cast<int>(parameters.size()))
    return Fail(ErrorCode::kInternal, "statement takes {} parameters, {} given: {}",
                sqlite3_bind_parameter_count(statement_), parameters.size(),
                sqlite3_sql(statement_));
  int at = 0;
  for (const Value& parameter : parameters) {
    ++at;
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<int64_t>(&parameter.value_)) {
      code = sqlite3_bind_int64(statement_, at, *number);
    } else if (const auto* real = std::get_if<double>(&parameter.value_)) {
      code = sqlite3_bind_double(statement_, at, *real);
    } else if (const auto* text = std::get_if<std::string>(&parameter.value_)) {
      // Not copied: the parameters outlive the step, and Run clears the bindings.
      code = sqlite3_bind_text64(statement_, at, text->data(), text->size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    }
    if (code != SQLITE_OK) return FailSqlite(connection_, sqlite3_sql(statement_));
  }
  return {};
}

Status SqliteStatement::Step(const std::function<Status(const Row&)>& take) {
  int code;
  while ((code = sqlite3_step(statement_)) == SQLITE_ROW) {
    if (!take) continue;
    const int columns = sqlite3_column_count(statement_);
    row_.assign(static_cast<size_t>(columns), Value());
    for (int i = 0; i < columns; ++i) {
      switch (sqlite3_column_type(statement_, i)) {
        case SQLITE_INTEGER:
          row_[i] = Value(sqlite3_column_int64(statement_, i));
          break;
        case SQLITE_FLOAT:
          row_[i] = Value(sqlite3_column_double(statement_, i));
          break;
        case SQLITE_TEXT:
        case SQLITE_BLOB: {
          const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, i));
          row_[i] = Value(std::string(bytes == nullptr ? "" : bytes,
                                      static_cast<size_t>(sqlite3_column_bytes(statement_, i))));
          break;
        }
        default:
          break;
      }
    }
    MR_TRY(take(row_));
  }
  if (code != SQLITE_DONE) return FailSqlite(connection_, sqlite3_sql(statement_));
  return {};
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(
    const std::string& path, bool read_only, std::chrono::milliseconds busy_timeout,
    const std::string& vfs) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, vfs.empty() ? nullptr : vfs.c_str());
  auto connection = std::unique_ptr<SqliteConnection>(new SqliteConnection(raw));
  if (code != SQLITE_OK) return FailSqlite(raw, path);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, static_cast<int>(busy_timeout.count()));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  prepared_.clear();
  sqlite3_close(connection_);
}

Result<SqliteStatement*> SqliteConnection::Prepared(std::string_view text) {
  if (const auto found = prepared_.find(text); found != prepared_.end()) return found->second.get();
  if (prepared_.size() >= kPreparedMax) prepared_.clear();
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(connection_, text.data(), static_cast<int>(text.size()),
                         SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
    return FailSqlite(connection_, text);
  auto statement = std::make_unique<SqliteStatement>(connection_, raw);
  for (int i = 1; i <= sqlite3_bind_parameter_count(raw); ++i) {
    const char* name = sqlite3_bind_parameter_name(raw, i);
    if (name == nullptr || fmt::format("${}", i) != name)
      return Fail(ErrorCode::kInternal, "parameters must be $1, $2, ... in order of first use: {}",
                  text);
  }
  return prepared_.emplace(std::string(text), std::move(statement)).first->second.get();
}

Status SqliteConnection::Execute(std::string_view statement, Parameters parameters) {
  MR_ASSIGN(SqliteStatement * prepared, Prepared(statement));
  return prepared->Run(parameters, {});
}

Status SqliteConnection::Query(std::string_view statement, Parameters parameters,
                               const std::function<Status(const Row& row)>& take) {
  MR_ASSIGN(SqliteStatement * prepared, Prepared(statement));
  return prepared->Run(parameters, take);
}

Status SqliteConnection::ExecuteOnce(const std::string& statement) {
  if (sqlite3_exec(connection_, statement.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return FailSqlite(connection_, statement);
  return {};
}

bool SqliteConnection::InTransaction() const { return sqlite3_get_autocommit(connection_) == 0; }

}  // namespace millrace::meta
