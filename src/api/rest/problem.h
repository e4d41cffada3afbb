// Problem: every error of the REST API, as problem+json (RFC 9457): type, title, status, detail,
// and of ours: code (base/result.h's names), hint, and errors, each naming the parameter or the
// place in the body.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http_server.h"

namespace millrace::api::rest {

struct ParameterError {
  std::string place;  // "path", "query", "header" or "body"
  std::string name;   // of the parameter, the field, or the place within the body
  std::string detail;
};

struct Problem {
  int status = 500;
  std::string code;  // "invalid_argument"
  std::string detail;
  std::string hint = {};
  std::vector<ParameterError> errors = {};
  std::vector<io::HttpHeader> headers = {};  // "Allow", "Retry-After"
};

// The status of an error: 400 for what can never be right, 404, 409, 422 for what is deliberately
// not done, 429 for a limit, 503 for what may pass, 504 for time, else 500.
int StatusOf(ErrorCode code);
Problem ProblemOf(const Error& error);
io::HttpResponse ProblemResponse(const Problem& problem);

}  // namespace millrace::api::rest
