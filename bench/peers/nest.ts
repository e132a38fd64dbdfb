// A user service as the documentation of NestJS builds one: Fastify beneath, TypeORM, commands and
// queries over their buses, validated bodies. It announces what has happened inside the process only.
import "reflect-metadata";
import { randomUUID } from "node:crypto";
import {
  Body,
  ConflictException,
  Controller,
  Get,
  Inject,
  Module,
  NotFoundException,
  Param,
  Post,
  ValidationPipe,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import {
  CommandBus,
  CommandHandler,
  CqrsModule,
  EventBus,
  EventsHandler,
  QueryBus,
  QueryHandler,
  type ICommandHandler,
  type IEventHandler,
  type IQueryHandler,
} from "@nestjs/cqrs";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { getDataSourceToken, TypeOrmModule } from "@nestjs/typeorm";
import { IsEmail, Length, MaxLength } from "class-validator";
import { Column, DataSource, Entity, PrimaryColumn } from "typeorm";

const connection = JSON.parse(process.env["BENCH_CONNECTION"] ?? "{}") as {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
};

@Entity({ schema: "nest", name: "users" })
class User {
  @PrimaryColumn("text") id!: string;
  @Column("text", { unique: true }) email!: string;
  @Column("text") name!: string;
  @Column("timestamptz", { name: "created_at" }) createdAt!: Date;
  @Column("bigint") version!: number;
}

class CreateUserBody {
  @IsEmail() @MaxLength(254) email!: string;
  @Length(2, 100) name!: string;
}

class GetUser {
  constructor(readonly id: string) {}
}
class CreateUser {
  constructor(
    readonly email: string,
    readonly name: string,
  ) {}
}
class UserCreated {
  constructor(readonly id: string) {}
}

@QueryHandler(GetUser)
class GetUserHandler implements IQueryHandler<GetUser> {
  constructor(@Inject(getDataSourceToken()) private readonly database: DataSource) {}
  async execute({ id }: GetUser) {
    const found = await this.database.getRepository(User).findOneBy({ id });
    if (!found) throw new NotFoundException();
    return found;
  }
}

@CommandHandler(CreateUser)
class CreateUserHandler implements ICommandHandler<CreateUser> {
  constructor(
    @Inject(getDataSourceToken()) private readonly database: DataSource,
    @Inject(EventBus) private readonly events: EventBus,
  ) {}
  async execute({ email, name }: CreateUser) {
    const user = await this.database.transaction(async (manager) => {
      const users = manager.getRepository(User);
      if (await users.existsBy({ email })) throw new ConflictException();
      const made = users.create({
        id: randomUUID(),
        email,
        name,
        createdAt: new Date(),
        version: 1,
      });
      await users.insert(made);
      return made;
    });
    this.events.publish(new UserCreated(user.id));
    return user;
  }
}

@EventsHandler(UserCreated)
class Welcome implements IEventHandler<UserCreated> {
  handle(): void {}
}

@Controller("users")
class UserController {
  constructor(
    @Inject(QueryBus) private readonly queries: QueryBus,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}
  @Get(":id")
  get(@Param("id") id: string) {
    return this.queries.execute(new GetUser(id));
  }
  @Post()
  create(@Body() { email, name }: CreateUserBody) {
    return this.commands.execute(new CreateUser(email, name));
  }
}

const { user: username, ...where } = connection;

@Module({
  imports: [
    CqrsModule.forRoot(),
    TypeOrmModule.forRoot({
      ...{ type: "postgres", ...where, username, entities: [User], extra: { max: 10 } },
    }),
  ],
  controllers: [UserController],
  providers: [GetUserHandler, CreateUserHandler, Welcome],
})
class App {}

const app = await NestFactory.create<NestFastifyApplication>(App, new FastifyAdapter(), {
  logger: ["error"],
});
app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true }));
const database = app.get<DataSource>(getDataSourceToken());
await database.query("create schema if not exists nest");
await database.synchronize();
await app.listen(0, "127.0.0.1");
console.log(`ready at ${await app.getUrl()}`);
process.on("SIGTERM", () => process.exit(0));
