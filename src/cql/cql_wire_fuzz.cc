// Any bytes as one side of a connection: the first byte chooses version, framing and side, the rest
// is what comes in. The decoders end, and what they accept as a message is written and read back as
// the same bytes.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "cql/wire/frame_stream.h"
#include "cql/wire/request.h"
#include "cql/wire/response.h"

namespace {

using namespace millrace;
using namespace millrace::cql;

void CheckRequest(const wire::Frame& frame) {
  const auto request = wire::DecodeRequest(frame.header, frame.body);
  if (!request) return;
  std::string once;
  wire::AppendRequest(*request, frame.header.version, frame.header.stream, once);
  wire::FrameHeader header = frame.header;
  header.flags = 0;
  const auto again =
      wire::DecodeRequest(header, std::string_view(once).substr(wire::kFrameHeaderBytes));
  MR_CHECK(again.has_value(), "a written request is read");
  std::string twice;
  wire::AppendRequest(*again, frame.header.version, frame.header.stream, twice);
  MR_CHECK(once == twice, "a request reads back equal");
}

void CheckResponse(const wire::Frame& frame) {
  const auto response = wire::DecodeResponse(frame.header, frame.body);
  if (!response) return;
  if (const auto* result = std::get_if<wire::ResultBody>(&*response)) {
    if (const auto* rows = std::get_if<wire::RowsResult>(result)) {
      wire::RowCursor cursor(*rows);
      while (cursor.NextRow()) cursor.Cell();
    }
  }
  std::string once;
  wire::AppendResponse(*response, frame.header.version, frame.header.stream, once);
  wire::FrameHeader header = frame.header;
  header.flags = 0;
  const auto again =
      wire::DecodeResponse(header, std::string_view(once).substr(wire::kFrameHeaderBytes));
  MR_CHECK(again.has_value(), "a written response is read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  wire::FrameDecoder decoder({.body_bytes_max = size_t{1} << 20});
  const uint8_t version = (choice & 1) != 0 ? 5 : 4;
  if ((choice & 2) != 0 && version == 5)
    decoder.SwitchToSegments((choice & 4) != 0 ? wire::Compression::kLz4
                                               : wire::Compression::kNone);
  if (version == 4 && (choice & 4) != 0) decoder.AllowCompressedFrames();
  decoder.Feed({reinterpret_cast<const char*>(data) + 1, size - 1});
  while (true) {
    auto frame = decoder.Next();
    if (!frame || !*frame) return 0;
    (*frame)->header.version = version;
    if ((*frame)->header.response) {
      CheckResponse(**frame);
    } else {
      CheckRequest(**frame);
    }
  }
}
