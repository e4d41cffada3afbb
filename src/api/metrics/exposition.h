// The table of metrics as text: what Prometheus reads, and the reference page.
#pragma once

#include <string>

#include "api/metrics/metric_table.h"

namespace millrace::api {

// Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). A family
// without samples is left out.
std::string MetricsText(const MetricsSource& source);
// docs/reference/metrics.md.
std::string MetricsReference();

}  // namespace millrace::api
