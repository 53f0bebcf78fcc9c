using System.Reflection;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>Who may use a handler that changes something.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NeedsAttribute(Role role) : Attribute
{
    public Role Role => role;
}

/// <summary>Refuses changes through a page by users without the role that its handler requires.</summary>
internal sealed class RoleFilter : IAsyncPageFilter
{
    public Task OnPageHandlerSelectionAsync(PageHandlerSelectedContext context) => Task.CompletedTask;

    public async Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        var method = context.HttpContext.Request.Method;
        if (!HttpMethods.IsGet(method) && !HttpMethods.IsHead(method) && context.ActionDescriptor.ViewEnginePath.StartsWith("/Access", StringComparison.Ordinal))
        {
            if (context.HandlerMethod is not { } handler)
            {
                context.Result = new NotFoundResult();
                return;
            }

            var needed = handler.MethodInfo.GetCustomAttribute<NeedsAttribute>()?.Role ?? Role.Admin;
            if (!context.HttpContext.User.IsInRole(needed.ToString()))
            {
                context.Result = new ForbidResult();
                return;
            }
        }

        await next();
    }
}
