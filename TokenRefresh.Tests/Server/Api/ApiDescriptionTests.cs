using System.Net.Http.Json;
using System.Text.Json;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

public sealed class ApiDescriptionTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task What_an_operation_takes_beside_its_body_is_described()
    {
        using var server = await shared.ProgramAsync("jibit");

        var paths = (await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json")).GetProperty("paths");

        Parameters("/api/tokens/{name}/access-token", "get").ShouldBe(["name", "min_validity", "If-None-Match"]);
        Parameters("/api/tokens/refresh", "post").ShouldBe(["Idempotency-Key"]);
        Parameters("/api/token-refresh-logs", "get").ShouldBe(["hours", "provider", "token", "status", "trigger", "cursor", "limit"]);
        var health = paths.GetProperty("/api/tokens/health").GetProperty("get").GetProperty("responses").GetProperty("503").GetProperty("content");
        health.EnumerateObject().Select(type => type.Name).ShouldBe(["application/problem+json", "application/json"], ignoreOrder: true);

        IEnumerable<string> Parameters(string path, string method) => paths.GetProperty(path).GetProperty(method).GetProperty("parameters").EnumerateArray()
            .Select(parameter => parameter.GetProperty("description").GetString()!.Length > 0 ? parameter.GetProperty("name").GetString()! : "");
    }

    [Fact]
    public async Task The_description_holds_every_address_and_needs_a_key()
    {
        using var server = await shared.ProgramAsync("jibit");

        var paths = (await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json")).GetProperty("paths").EnumerateObject().Select(path => path.Name);

        paths.Order().ShouldBe(new[]
        {
            "/api/tokens/{name}/access-token", "/api/tokens/by-scope/{scope}/access-token", "/api/tokens/{name}/rejected", "/api/tokens", "/api/tokens/health",
            "/api/tokens/needs-refresh", "/api/tokens/refresh", "/api/tokens/find", "/api/tokens/{name}", "/api/providers", "/api/providers/{name}", "/api/providers/{name}/adopt", "/api/providers/{name}/promote", "/api/providers/{name}/test", "/api/token-refresh-logs", "/api/token-refresh-logs/statistics",
        }.Order());
    }

    [Fact]
    public async Task Every_operation_is_described_with_an_example_of_its_answer_and_of_each_error()
    {
        using var server = await shared.ProgramAsync("jibit");

        var description = await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json");

        foreach (var operation in description.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()).Select(operation => operation.Value))
        {
            var id = operation.GetProperty("operationId").GetString();
            foreach (var response in operation.GetProperty("responses").EnumerateObject().Where(response => response.Name[0] is '4' or '5'))
            {
                response.Value.GetProperty("content").GetProperty("application/problem+json").GetProperty("examples").EnumerateObject()
                    .ShouldAllBe(example => example.Value.GetProperty("value").GetProperty("code").GetString() == example.Name && $"{example.Value.GetProperty("value").GetProperty("status")}" == response.Name, id);
            }

            operation.GetProperty("responses").EnumerateObject().Select(response => response.Name).ShouldContain("429", id);
        }

        var served = await server.Http.GetFromJsonAsync<JsonElement>("/api/tokens/jibit/access-token");
        description.GetProperty("paths").GetProperty("/api/tokens/{name}/access-token").GetProperty("get").GetProperty("responses").GetProperty("200")
            .GetProperty("content").GetProperty("application/json").GetProperty("example").EnumerateObject().Select(field => field.Name)
            .ShouldBe(served.EnumerateObject().Select(field => field.Name));
    }

    [Theory]
    [InlineData("/api/tokens", "ListTokens")]
    [InlineData("/api/tokens/health", "TokenHealth")]
    [InlineData("/api/token-refresh-logs", "ListAttempts")]
    [InlineData("/api/token-refresh-logs/statistics", "AttemptStatistics")]
    public async Task The_examples_have_the_fields_of_the_answers(string path, string operation)
    {
        using var server = await shared.ProgramAsync("jibit");

        var answer = await server.Http.GetFromJsonAsync<JsonElement>(path);
        var example = (await server.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json")).GetProperty("paths").EnumerateObject()
            .Select(each => each.Value.EnumerateObject().First().Value).Single(each => each.GetProperty("operationId").GetString() == operation)
            .GetProperty("responses").GetProperty("200").GetProperty("content").GetProperty("application/json").GetProperty("example");

        Fields(example).ShouldBe(Fields(answer));

        // An attempt's metadata differ from one to the other.
        static string Fields(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Object => $"{{{string.Join(',', value.EnumerateObject().Select(field => field.Name == "metadata" ? field.Name : $"{field.Name}{Fields(field.Value)}"))}}}",
            JsonValueKind.Array when value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Object => $"[{Fields(value[0])}]",
            _ => "",
        };
    }
}
