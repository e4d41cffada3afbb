// Records of the pipeline as objects of the REST API's shapes (shapes.cc).
#pragma once

#include <optional>
#include <string>

#include "api/rest/live_values.h"
#include "flow/types.h"
#include "pipeline/json_text.h"
#include "schedule/scheduler.h"

namespace millrace::api::rest {

// "2026-01-31T23:59:59Z" with its quotes; null when there is none.
std::string TimeJson(const std::optional<TimestampUs>& at);
// Bytes that are no UTF-8 become U+FFFD.
std::string ValidUtf8(std::string text);
std::string TextJson(std::string_view text);
// A watermark: null before the first event time.
std::string WatermarkJson(int64_t watermark_us);

std::string DagJson(const schedule::DagInfo& dag);
std::string RunJson(const schedule::RunRecord& run);
std::string TaskInstanceJson(const schedule::TaskInstanceRecord& instance);
std::string TryJson(const schedule::TryRecord& one);
std::string BackfillJson(const schedule::BackfillRecord& backfill);

// `rates` may be null.
std::string QueryJson(const pipeline::QueryStatus& query, const QueryRates* rates);

// Appends "<name>" and "<name>_encoding": the bytes as text ("json" when the text is one JSON
// document, else "text"), or in base64 when they are no UTF-8; both null when there are none.
void AddBytes(pipeline::JsonText& to, const std::string& name, const char* bytes, size_t size);

}  // namespace millrace::api::rest
