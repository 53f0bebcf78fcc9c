using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Persistence;

public sealed class PrivateFilesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("tokenrefresh-private-").FullName;

    [Fact]
    public void A_folder_and_those_above_it_are_for_this_user_alone()
    {
        PrivateFiles.MakeFolder(Path.Combine(folder, "data", "mail"));

        FileModes.Of(Path.Combine(folder, "data")).ShouldBe(FileModes.OwnFolder);
        FileModes.Of(Path.Combine(folder, "data", "mail")).ShouldBe(FileModes.OwnFolder);
    }

    [Fact]
    public void A_file_that_others_could_read_is_replaced_by_one_that_they_cannot()
    {
        var file = Path.Combine(folder, "key");
        File.WriteAllText(file, "old");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, (UnixFileMode)0b110_100_100);
        }

        using (var writer = new StreamWriter(PrivateFiles.Create(file)))
        {
            writer.Write("new");
        }

        File.ReadAllText(file).ShouldBe("new");
        FileModes.Of(file).ShouldBe(FileModes.OwnFile);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
