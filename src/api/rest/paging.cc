#include "api/rest/paging.h"

#include <charconv>

#include "base/base64.h"

namespace millrace::api::rest {

std::string EncodeCursor(std::string_view place) { return EncodeBase64Url(place); }

Result<std::vector<int64_t>> CursorNumbers(const Call& call, size_t count) {
  std::vector<int64_t> numbers;
  const std::string& text = call.Text("cursor");
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const auto [next, error] = std::from_chars(at, end, numbers.emplace_back());
    if (error != std::errc() || (next != end && *next != ':')) break;
    at = next == end ? end : next + 1;
    if (at == end && numbers.size() == count && text.back() != ':') return numbers;
  }
  return Fail(ErrorCode::kInvalidArgument, "cursor: it is not one of this list");
}

Answer PageAnswer(const pipeline::JsonList& items, const std::optional<std::string>& next_place) {
  pipeline::JsonText page;
  page.Raw("items", items.Array());
  if (next_place)
    page.Field("next_cursor", EncodeCursor(*next_place));
  else
    page.Raw("next_cursor", "null");
  return {page.Object()};
}

}  // namespace millrace::api::rest
