// The /metrics page: Prometheus text format 0.0.4, from one table of metric families
// (metrics_text.cc). Base units (seconds, bytes), labels bounded by what the project declares.
#pragma once

#include <string>

#include "pipeline/runner.h"

namespace millrace::api {

// `runner` may be null: then only what the process itself knows.
std::string MetricsText(pipeline::Runner* runner);

}  // namespace millrace::api
