#include "api/rest/problem.h"

#include "io/http_message.h"
#include "pipeline/json_text.h"

namespace millrace::api::rest {

int StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kUnsupported:
      return 422;
    case ErrorCode::kResourceExhausted:
      return 429;
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:
      return 503;
    case ErrorCode::kTimeout:
      return 504;
    case ErrorCode::kIo:
    case ErrorCode::kDamaged:
    case ErrorCode::kInternal:
      break;
  }
  return 500;
}

Problem ProblemOf(const Error& error) {
  Problem problem;
  problem.status = StatusOf(error.code);
  problem.code = ErrorCodeName(error.code);
  problem.detail = error.message;
  problem.hint = error.hint;
  return problem;
}

io::HttpResponse ProblemResponse(const Problem& problem) {
  using pipeline::JsonText;
  JsonText json;
  json.Field("type", "urn:millrace:problem:" + problem.code)
      .Field("title", io::HttpReason(problem.status))
      .Field("status", int64_t{problem.status})
      .Field("detail", problem.detail)
      .Field("code", problem.code);
  if (!problem.hint.empty()) json.Field("hint", problem.hint);
  if (!problem.errors.empty()) {
    pipeline::JsonList errors;
    for (const ParameterError& error : problem.errors) {
      errors.Add(JsonText()
                     .Field("in", error.place)
                     .Field("name", error.name)
                     .Field("detail", error.detail)
                     .Object());
    }
    json.Raw("errors", errors.Array());
  }
  return {.status = problem.status,
          .content_type = "application/problem+json",
          .headers = problem.headers,
          .body = json.Object() + "\n"};
}

}  // namespace millrace::api::rest
