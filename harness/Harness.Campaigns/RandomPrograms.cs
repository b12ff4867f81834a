using System.Globalization;
using Harness.Generators;
using Harness.Model;

namespace Harness.Campaigns;

/// <summary>The programs of <c>Harness.Generators</c>.</summary>
public sealed class RandomPrograms : IProgramSource
{
    public string Version { get; } = ProgramGenerator.Version.ToString(CultureInfo.InvariantCulture);

    public IReadOnlyList<string> Profiles => Profile.Names;

    public string DefaultProfile => Profile.Default.ToToken();

    public string Swarm(ulong seed) => Profile.Swarm(seed).ToToken();

    public IReadOnlyCollection<string> Labels(FiberProgram program) => ProgramLabels.Of(program);

    public FiberProgram Generate(ProgramRecipe recipe) =>
        ProgramGenerator.Generate(recipe.Seed, recipe.Size, Profile.Parse(recipe.Profile));
}
