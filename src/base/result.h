// Result<T>: how every function of Millrace that can fail says so. Exceptions never cross a
// module's boundary.
//
// An error tells three things: what happened and where (`message`), which kind of failure it is
// (`code`, from which the exit code and the HTTP status follow), and, where one is known, what to
// do about it (`hint`).
//
//   Result<Segment> Open(const Path& path) {
//     MR_ASSIGN(auto file, fs.OpenForRead(path));
//     if (size < kHeaderBytes) return Fail(ErrorCode::kDamaged, "segment {}: {} bytes, header needs
//     {}", path, ...); MR_TRY(VerifyHeader(file)); return Segment(std::move(file));
//   }
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace millrace {

// Static set: callers branch on it, so a new member is a decision, not a convenience.
enum class ErrorCode {
  // The user's mistake: exit code 2 when found before the run, 1 within it.
  kInvalidArgument,  // a value, a statement or a record that can never be right as written
  kNotFound,         // a named thing does not exist
  kAlreadyExists,
  kUnsupported,  // understood, deliberately not done; the message says by whom it would be
  // The environment: exit code 4 (unavailable) or 5 (damaged).
  kUnavailable,        // may go through later: a peer is away, a lock is held
  kResourceExhausted,  // a limit or a disk is full; nothing accepted was lost
  kTimeout,
  kCancelled,  // the caller, a signal or a shutdown asked for the end
  kConflict,   // fenced: a newer generation, epoch or owner exists
  kIo,         // the operating system refused: its error text is in the message
  kDamaged,    // stored bytes fail their checksum or their grammar
  // Ours.
  kInternal,  // an invariant broke; the message names it
};

// Stable lower-case name, e.g. "invalid_argument"; used in logs, JSON errors and metrics labels.
std::string_view ErrorCodeName(ErrorCode code);

// The process exit code for an error that ends a command: 1 failed, 2 usage or config, 4
// unavailable, 5 damaged data.
int ExitCodeFor(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string hint;  // may be empty

  // "message" or "message (hint)".
  std::string ToString() const;
  // The same error with "context: " put before the message.
  Error WithContext(std::string_view context) &&;
  Error WithHint(std::string text) &&;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// Fail(code, "format", args...) builds the error side of any Result.
template <typename... Args>
[[nodiscard]] std::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> format,
                                          Args&&... args) {
  return std::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...), {}});
}

// The error of `errno_value` with its system text, e.g. "cannot open /x: Permission denied"; ENOSPC
// and EDQUOT become kResourceExhausted, ENOENT kNotFound, EEXIST kAlreadyExists, all else kIo.
[[nodiscard]] std::unexpected<Error> FailErrno(int errno_value, std::string_view what);

}  // namespace millrace

#define MR_CONCAT_INNER(a, b) a##b
#define MR_CONCAT(a, b) MR_CONCAT_INNER(a, b)

// Returns the error of `expression` from the enclosing function, if it has one. (The counter keeps
// one inside another's lambda from shadowing it.)
#define MR_TRY(expression) MR_TRY_INNER(MR_CONCAT(mr_status_, __COUNTER__), expression)
#define MR_TRY_INNER(name, expression)                                    \
  do {                                                                    \
    if (auto name = (expression); !name) [[unlikely]]                     \
      return std::unexpected<::millrace::Error>(std::move(name).error()); \
  } while (false)

// MR_ASSIGN(auto x, F()): declares or assigns x from F()'s value, or returns F()'s error.
#define MR_ASSIGN(target, expression) \
  MR_ASSIGN_INNER(MR_CONCAT(mr_result_, __COUNTER__), target, expression)
#define MR_ASSIGN_INNER(name, target, expression)                       \
  auto name = (expression);                                             \
  if (!name) [[unlikely]]                                               \
    return std::unexpected<::millrace::Error>(std::move(name).error()); \
  target = std::move(name).value()
