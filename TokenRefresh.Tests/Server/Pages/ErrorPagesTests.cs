using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Pages;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class ErrorPagesTests
{
    [Fact]
    public async Task A_database_that_cannot_be_reached_is_told_with_a_503()
    {
        var answer = await AskAsync(_ => throw new InvalidOperationException("wrapped", new NpgsqlException("away", new IOException("cut"))));

        answer.Response.StatusCode.ShouldBe(StatusCodes.Status503ServiceUnavailable);
        Text(answer).ShouldContain("The database is unreachable");
    }

    [Fact]
    public async Task A_mistake_of_ours_is_told_as_one_and_not_as_a_database_that_is_away()
    {
        var answer = await AskAsync(_ => throw new IOException("no more watchers"));

        answer.Response.StatusCode.ShouldBe(StatusCodes.Status500InternalServerError);
        Text(answer).ShouldContain("Something went wrong");
        Text(answer).ShouldNotContain("watchers");
    }

    [Fact]
    public async Task A_request_that_cannot_be_read_is_the_senders_doing()
    {
        var answer = await AskAsync(_ => throw new BadHttpRequestException("Unexpected end of request content.", StatusCodes.Status400BadRequest));

        answer.Response.StatusCode.ShouldBe(StatusCodes.Status400BadRequest);
        Text(answer).ShouldContain("Form not accepted");
    }

    [Fact]
    public async Task What_a_page_says_instead_is_text_whatever_it_holds()
    {
        var answer = await AskAsync(context =>
        {
            ErrorPages.SayInstead(context, "<script>alert(1)</script>");
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });

        Text(answer).ShouldContain("&lt;script&gt;");
        Text(answer).ShouldNotContain("<script>");
    }

    private static async Task<HttpContext> AskAsync(RequestDelegate end)
    {
        var services = new ServiceCollection().AddLogging().AddMetrics().AddSingleton(new System.Diagnostics.DiagnosticListener("tests")).AddExceptionHandler<PageErrors>().BuildServiceProvider();
        var app = new ApplicationBuilder(services);
        app.UseStatusCodePages(context => ErrorPages.WriteAsync(context.HttpContext));
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = _ => Task.CompletedTask });
        app.Run(end);
        var context = new DefaultHttpContext { RequestServices = services, Response = { Body = new MemoryStream() } };
        await app.Build()(context);
        return context;
    }

    private static string Text(HttpContext context) => System.Text.Encoding.UTF8.GetString(((MemoryStream)context.Response.Body).ToArray());
}
