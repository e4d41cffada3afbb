#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace millrace {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kResourceExhausted:
      return "resource_exhausted";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kDamaged:
      return "damaged";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

int ExitCodeFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kUnsupported:
      return 2;
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
    case ErrorCode::kConflict:
      return 4;
    case ErrorCode::kDamaged:
      return 5;
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kCancelled:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return 1;
  }
  return 1;
}

std::string Error::ToString() const {
  return hint.empty() ? message : fmt::format("{} ({})", message, hint);
}

Error Error::WithContext(std::string_view context) && {
  message = fmt::format("{}: {}", context, message);
  return std::move(*this);
}

Error Error::WithHint(std::string text) && {
  hint = std::move(text);
  return std::move(*this);
}

std::unexpected<Error> FailErrno(int errno_value, std::string_view what) {
  ErrorCode code = ErrorCode::kIo;
  if (errno_value == ENOSPC || errno_value == EDQUOT) code = ErrorCode::kResourceExhausted;
  if (errno_value == ENOENT) code = ErrorCode::kNotFound;
  if (errno_value == EEXIST) code = ErrorCode::kAlreadyExists;
  return Fail(code, "{}: {}", what, std::generic_category().message(errno_value));
}

}  // namespace millrace
