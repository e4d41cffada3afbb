// The table of routes as documents: OpenAPI 3.1 and the reference page.
#pragma once

#include <string>

namespace millrace::api::rest {

// The OpenAPI document, compact JSON.
std::string OpenApiJson();
// docs/reference/api.md.
std::string ApiReference();

}  // namespace millrace::api::rest
